// Command responder answers ARP as address announcers written in Go commonly do.
//
// It is what the project's own responder is measured against. A goroutine for the interface reads
// one frame (recvfrom, through the runtime's poller), decodes it into an Ethernet frame and a
// message, looks its target up under a lock, and writes one reply (sendto). Unlike the announcers
// in use it neither counts nor logs.
//
// Its arguments are the interface and the protocol, arp or nd. Every line "grant FIRST COUNT" on standard input makes it answer for COUNT addresses from FIRST
// on, and is acknowledged by "ready".
package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"log"
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"

	"bench/packet"
)

type table struct {
	lock      sync.RWMutex
	addresses map[netip.Addr]struct{}
}

func (t *table) has(address netip.Addr) bool {
	t.lock.RLock()
	defer t.lock.RUnlock()
	_, found := t.addresses[address]
	return found
}

func (t *table) fill(first netip.Addr, count int) {
	addresses := make(map[netip.Addr]struct{}, count)
	for address := first; len(addresses) < count; address = address.Next() {
		addresses[address] = struct{}{}
	}
	t.lock.Lock()
	defer t.lock.Unlock()
	t.addresses = addresses
}

type responder struct {
	socket  syscall.RawConn
	link    *net.Interface
	granted *table
}

var errMalformed = errors.New("not ARP for IPv4 on Ethernet")

func (r *responder) run() error {
	for {
		if err := r.answer(); err != nil && !errors.Is(err, errMalformed) {
			return err
		}
	}
}

func (r *responder) answer() error {
	buffer := make([]byte, 128)
	length, _, err := read(r.socket, buffer)
	if err != nil {
		return err
	}
	frame, err := packet.DecodeFrame(buffer[:length])
	if err != nil {
		return errMalformed
	}
	asked, err := packet.DecodeMessage(frame.Payload)
	if err != nil {
		return errMalformed
	}
	if asked.Operation != packet.Request || !r.isMeant(frame) || !r.granted.has(asked.Target) {
		return nil
	}
	answer := packet.Message{
		Operation: packet.Reply,
		SenderMAC: r.link.HardwareAddr,
		Sender:    asked.Target,
		TargetMAC: asked.SenderMAC,
		Target:    asked.Sender,
	}
	reply := packet.Frame{
		Destination: asked.SenderMAC,
		Source:      r.link.HardwareAddr,
		Payload:     answer.Encode(),
	}
	to := &syscall.SockaddrLinklayer{
		Protocol: packet.Protocol(packet.ARP),
		Ifindex:  r.link.Index,
		Halen:    uint8(len(asked.SenderMAC)),
	}
	copy(to.Addr[:], asked.SenderMAC)
	return write(r.socket, reply.Encode(), to)
}

func (r *responder) isMeant(frame *packet.Frame) bool {
	return bytes.Equal(frame.Destination, packet.Broadcast) ||
		bytes.Equal(frame.Destination, r.link.HardwareAddr)
}

// read waits in the poller: the goroutine is parked while there is nothing to read.
func read(socket syscall.RawConn, buffer []byte) (length int, from syscall.Sockaddr, err error) {
	closed := socket.Read(func(fd uintptr) bool {
		length, from, err = syscall.Recvfrom(int(fd), buffer, 0)
		return err != syscall.EAGAIN
	})
	return length, from, errors.Join(closed, err)
}

func write(socket syscall.RawConn, message []byte, to syscall.Sockaddr) (err error) {
	closed := socket.Write(func(fd uintptr) bool {
		err = syscall.Sendto(int(fd), message, 0, to)
		return err != syscall.EAGAIN
	})
	return errors.Join(closed, err)
}

func waiting(fd int) (syscall.RawConn, error) {
	if err := syscall.SetNonblock(fd, true); err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), "socket").SyscallConn()
}

func open(name, protocol string, granted *table) (run func() error, join func(netip.Addr, int) error, err error) {
	if protocol == "nd" {
		link, err := net.InterfaceByName(name)
		if err != nil {
			return nil, nil, err
		}
		fd, err := openICMP(link)
		if err != nil {
			return nil, nil, err
		}
		socket, err := waiting(fd)
		answering := &solicited{socket: socket, link: link, granted: granted}
		return answering.run, answering.join, err
	}
	fd, link, err := packet.Open(name, packet.ARP)
	if err != nil {
		return nil, nil, err
	}
	socket, err := waiting(fd)
	answering := &responder{socket: socket, link: link, granted: granted}
	return answering.run, func(netip.Addr, int) error { return nil }, err
}

func main() {
	granted := &table{}
	run, join, err := open(os.Args[1], os.Args[2], granted)
	if err != nil {
		log.Fatal(err)
	}
	go func() { log.Fatal(run()) }()
	orders := bufio.NewScanner(os.Stdin)
	for orders.Scan() {
		var text string
		var count int
		if _, err := fmt.Sscanf(orders.Text(), "grant %s %d", &text, &count); err != nil {
			log.Fatal(err)
		}
		first := netip.MustParseAddr(text)
		granted.fill(first, count)
		if err := join(first, count); err != nil {
			log.Fatal(err)
		}
		fmt.Println("ready")
	}
}

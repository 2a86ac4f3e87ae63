// Command responder answers ARP as address announcers written in Go commonly do.
//
// It is what the project's own responder is measured against. A goroutine for the interface reads
// one frame (recvfrom, through the runtime's poller), decodes it into an Ethernet frame and a
// message, looks its target up under a lock, and writes one reply (sendto). Unlike the announcers
// in use it neither counts nor logs.
//
// Every line "grant FIRST COUNT" on standard input makes it answer for COUNT addresses from FIRST
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
	length, err := r.read(buffer)
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
	return r.write(reply.Encode(), asked.SenderMAC)
}

func (r *responder) isMeant(frame *packet.Frame) bool {
	return bytes.Equal(frame.Destination, packet.Broadcast) ||
		bytes.Equal(frame.Destination, r.link.HardwareAddr)
}

// read waits in the poller: the goroutine is parked while there is nothing to read.
func (r *responder) read(buffer []byte) (length int, err error) {
	closed := r.socket.Read(func(fd uintptr) bool {
		length, _, err = syscall.Recvfrom(int(fd), buffer, 0)
		return err != syscall.EAGAIN
	})
	return length, errors.Join(closed, err)
}

func (r *responder) write(frame []byte, to net.HardwareAddr) (err error) {
	address := &syscall.SockaddrLinklayer{
		Protocol: packet.Protocol(),
		Ifindex:  r.link.Index,
		Halen:    uint8(len(to)),
	}
	copy(address.Addr[:], to)
	closed := r.socket.Write(func(fd uintptr) bool {
		err = syscall.Sendto(int(fd), frame, 0, address)
		return err != syscall.EAGAIN
	})
	return errors.Join(closed, err)
}

func main() {
	fd, link, err := packet.Open(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	if err := syscall.SetNonblock(fd, true); err != nil {
		log.Fatal(err)
	}
	file := os.NewFile(uintptr(fd), "packet")
	socket, err := file.SyscallConn()
	if err != nil {
		log.Fatal(err)
	}
	granted := &table{}
	answering := &responder{socket: socket, link: link, granted: granted}
	go func() { log.Fatal(answering.run()) }()
	orders := bufio.NewScanner(os.Stdin)
	for orders.Scan() {
		var first string
		var count int
		if _, err := fmt.Sscanf(orders.Text(), "grant %s %d", &first, &count); err != nil {
			log.Fatal(err)
		}
		granted.fill(netip.MustParseAddr(first), count)
		fmt.Println("ready")
	}
	file.Close()
}

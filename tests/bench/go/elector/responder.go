package main

import (
	"bytes"
	"errors"
	"log"
	"net"
	"net/netip"
	"sync"
	"syscall"

	"bench/packet"
)

// responder answers ARP on one interface for the addresses that are granted.
type responder struct {
	fd        int
	link      *net.Interface
	lock      sync.RWMutex
	addresses map[netip.Addr]struct{}
}

func newResponder(name string) (*responder, error) {
	fd, link, err := packet.Open(name, packet.ARP)
	return &responder{fd: fd, link: link, addresses: map[netip.Addr]struct{}{}}, err
}

// grant answers for an address from now on, and announces it.
func (r *responder) grant(address netip.Addr) {
	r.lock.Lock()
	r.addresses[address] = struct{}{}
	r.lock.Unlock()
	announcement := packet.Message{
		Operation: packet.Request,
		SenderMAC: r.link.HardwareAddr,
		Sender:    address,
		TargetMAC: make(net.HardwareAddr, len(r.link.HardwareAddr)),
		Target:    address,
	}
	if err := r.send(packet.Broadcast, announcement); err != nil {
		log.Printf("announcing %s: %v", address, err)
	}
}

// withdraw answers for an address no more.
func (r *responder) withdraw(address netip.Addr) {
	r.lock.Lock()
	defer r.lock.Unlock()
	delete(r.addresses, address)
}

func (r *responder) has(address netip.Addr) bool {
	r.lock.RLock()
	defer r.lock.RUnlock()
	_, found := r.addresses[address]
	return found
}

// run answers until the socket fails; a link that is down now may come up again.
func (r *responder) run() error {
	buffer := make([]byte, 128)
	for {
		length, _, err := syscall.Recvfrom(r.fd, buffer, 0)
		if errors.Is(err, syscall.EINTR) || errors.Is(err, syscall.ENETDOWN) {
			continue
		}
		if err != nil {
			return err
		}
		r.answer(buffer[:length])
	}
}

func (r *responder) answer(raw []byte) {
	frame, err := packet.DecodeFrame(raw)
	if err != nil || bytes.Equal(frame.Source, r.link.HardwareAddr) {
		return
	}
	asked, err := packet.DecodeMessage(frame.Payload)
	if err != nil || asked.Operation != packet.Request || asked.Sender == asked.Target {
		return
	}
	if !r.has(asked.Target) {
		return
	}
	reply := packet.Message{
		Operation: packet.Reply,
		SenderMAC: r.link.HardwareAddr,
		Sender:    asked.Target,
		TargetMAC: asked.SenderMAC,
		Target:    asked.Sender,
	}
	// one that could not be sent is asked for again
	_ = r.send(asked.SenderMAC, reply)
}

func (r *responder) send(to net.HardwareAddr, message packet.Message) error {
	frame := packet.Frame{
		Destination: to,
		Source:      r.link.HardwareAddr,
		Payload:     message.Encode(),
	}
	there := &syscall.SockaddrLinklayer{
		Protocol: packet.Protocol(packet.ARP),
		Ifindex:  r.link.Index,
		Halen:    uint8(len(to)),
	}
	copy(there.Addr[:], to)
	return syscall.Sendto(r.fd, frame.Encode(), 0, there)
}

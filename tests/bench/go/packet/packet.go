// Package packet opens AF_PACKET sockets, and names the places in frames of ARP.
package packet

import (
	"encoding/binary"
	"net"
	"syscall"
)

// What lies where in an Ethernet frame that carries ARP for IPv4 (RFC 826).
const (
	Destination   = 0
	Source        = 6
	EtherType     = 12
	Format        = 14
	Operation     = 20
	SenderMAC     = 22
	SenderAddress = 28
	TargetMAC     = 32
	TargetAddress = 38
	End           = 42
	MinimumBytes  = 60

	Request = 1
	Reply   = 2
)

// Opening is EtherType and format: ARP, Ethernet, IPv4, six and four bytes of address.
var Opening = []byte{0x08, 0x06, 0x00, 0x01, 0x08, 0x00, 6, 4}

// Types of Ethernet frames.
const (
	ARP  = 0x0806
	IPv6 = 0x86dd
)

// Open returns a socket that hears frames of one type on one interface, and the interface.
func Open(name string, etherType uint16) (int, *net.Interface, error) {
	link, err := net.InterfaceByName(name)
	if err != nil {
		return -1, nil, err
	}
	fd, err := syscall.Socket(syscall.AF_PACKET, syscall.SOCK_RAW|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, nil, err
	}
	address := syscall.SockaddrLinklayer{Protocol: Protocol(etherType), Ifindex: link.Index}
	if err := syscall.Bind(fd, &address); err != nil {
		syscall.Close(fd)
		return -1, nil, err
	}
	return fd, link, nil
}

// Protocol is a type of Ethernet frames as packet(7) wants it: in network order.
func Protocol(etherType uint16) uint16 {
	return binary.NativeEndian.Uint16(binary.BigEndian.AppendUint16(nil, etherType))
}

package main

import (
	"encoding/binary"
	"net"
	"net/netip"
	"syscall"
)

const (
	icmpFilter        = 1 // linux/icmpv6.h
	solicitation      = 135
	advertisement     = 136
	targetLinkAddress = 2
	solicitedOverride = 0x60
	messageBytes      = 24
	groupsPerSocket   = 100 // a socket has room for some more
)

// solicited answers Neighbour Discovery as the announcers do: through a raw ICMPv6 socket, which
// leaves IP, checksums and the asker's hardware address to the kernel.
type solicited struct {
	socket  syscall.RawConn
	link    *net.Interface
	granted *table
	groups  []int
}

func openICMP(link *net.Interface) (int, error) {
	fd, err := syscall.Socket(syscall.AF_INET6, syscall.SOCK_RAW|syscall.SOCK_CLOEXEC, syscall.IPPROTO_ICMPV6)
	if err != nil {
		return -1, err
	}
	var others [32]byte // a bit for each type that is not wanted
	for place := range others {
		others[place] = 0xff
	}
	binary.NativeEndian.PutUint32(others[solicitation/32*4:], ^uint32(1<<(solicitation%32)))
	if err := syscall.SetsockoptString(fd, syscall.IPPROTO_ICMPV6, icmpFilter, string(others[:])); err != nil {
		return -1, err
	}
	for _, option := range []int{syscall.IPV6_MULTICAST_HOPS, syscall.IPV6_UNICAST_HOPS} {
		if err := syscall.SetsockoptInt(fd, syscall.IPPROTO_IPV6, option, 255); err != nil {
			return -1, err
		}
	}
	return fd, syscall.BindToDevice(fd, link.Name)
}

// join hears the groups of so many addresses, and leaves all others.
func (s *solicited) join(first netip.Addr, count int) error {
	for _, fd := range s.groups {
		syscall.Close(fd)
	}
	s.groups = nil
	for number := range count {
		if number%groupsPerSocket == 0 {
			fd, err := syscall.Socket(syscall.AF_INET6, syscall.SOCK_DGRAM|syscall.SOCK_CLOEXEC, 0)
			if err != nil {
				return err
			}
			s.groups = append(s.groups, fd)
		}
		address := first.As16()
		group := [16]byte{0: 0xff, 1: 0x02, 11: 1, 12: 0xff}
		copy(group[13:], address[13:])
		request := &syscall.IPv6Mreq{Multiaddr: group, Interface: uint32(s.link.Index)}
		fd := s.groups[len(s.groups)-1]
		if err := syscall.SetsockoptIPv6Mreq(fd, syscall.IPPROTO_IPV6, syscall.IPV6_JOIN_GROUP, request); err != nil {
			return err
		}
		first = first.Next()
	}
	return nil
}

func (s *solicited) run() error {
	for {
		if err := s.answer(); err != nil {
			return err
		}
	}
}

func (s *solicited) answer() error {
	buffer := make([]byte, 128)
	length, from, err := read(s.socket, buffer)
	if err != nil {
		return err
	}
	asker, known := from.(*syscall.SockaddrInet6)
	if !known || length < messageBytes || buffer[0] != solicitation {
		return nil
	}
	target := netip.AddrFrom16([16]byte(buffer[8:messageBytes]))
	if !s.granted.has(target) {
		return nil
	}
	reply := make([]byte, 0, messageBytes+8)
	reply = append(reply, advertisement, 0, 0, 0, solicitedOverride, 0, 0, 0)
	reply = append(reply, target.AsSlice()...)
	reply = append(reply, targetLinkAddress, 1)
	reply = append(reply, s.link.HardwareAddr...)
	to := &syscall.SockaddrInet6{Addr: asker.Addr, ZoneId: uint32(s.link.Index)}
	return write(s.socket, reply, to)
}

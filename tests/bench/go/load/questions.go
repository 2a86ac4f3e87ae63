package main

import (
	"encoding/binary"
	"net"

	"bench/packet"
)

// questions is a protocol: how to ask, and what an answer looks like. Addresses are told by their
// last four bytes.
type questions interface {
	// request returns a frame that is valid until the next call.
	request(asker, target uint32) []byte
	// reply reads a frame that was sent to this station alone.
	reply(frame []byte) (asker, target uint32, sound bool)
}

type requests struct{ frame []byte }

func newRequests(mac net.HardwareAddr) *requests {
	frame := make([]byte, packet.MinimumBytes)
	copy(frame[packet.Destination:], packet.Broadcast)
	copy(frame[packet.Source:], mac)
	copy(frame[packet.EtherType:], packet.Opening)
	frame[packet.Operation+1] = packet.Request
	copy(frame[packet.SenderMAC:], mac)
	return &requests{frame}
}

func (r *requests) request(asker, target uint32) []byte {
	binary.BigEndian.PutUint32(r.frame[packet.SenderAddress:], asker)
	binary.BigEndian.PutUint32(r.frame[packet.TargetAddress:], target)
	return r.frame
}

func (r *requests) reply(frame []byte) (asker, target uint32, sound bool) {
	if len(frame) < packet.End || frame[packet.Operation+1] != packet.Reply {
		return 0, 0, false
	}
	asker = binary.BigEndian.Uint32(frame[packet.TargetAddress:])
	return asker, binary.BigEndian.Uint32(frame[packet.SenderAddress:]), true
}

// What lies where in a frame with a solicitation or an advertisement (RFC 4861 section 4).
const (
	ipHeader     = 14
	nextHeader   = 20
	source       = 22
	destination  = 38
	message      = 54
	checksum     = 56
	target       = 62
	option       = 78
	solicitedEnd = 86

	icmp          = 58
	solicitation  = 135
	advertisement = 136
)

type solicitations struct{ frame []byte }

func newSolicitations(mac net.HardwareAddr) *solicitations {
	frame := make([]byte, solicitedEnd)
	copy(frame[packet.Destination:], []byte{0x33, 0x33, 0xff})
	copy(frame[packet.Source:], mac)
	binary.BigEndian.PutUint16(frame[packet.EtherType:], packet.IPv6)
	copy(frame[ipHeader:], []byte{0x60, 0, 0, 0, 0, solicitedEnd - message, icmp, 255})
	copy(frame[source:], []byte{0xfe, 0x80})
	copy(frame[destination:], []byte{0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff})
	frame[message] = solicitation
	copy(frame[target:], []byte{0x20, 0x01, 0x0d, 0xb8})
	copy(frame[option:], []byte{1, 1})
	copy(frame[option+2:], mac)
	return &solicitations{frame}
}

func (s *solicitations) request(asker, wanted uint32) []byte {
	frame := s.frame
	binary.BigEndian.PutUint32(frame[destination-4:], asker)
	binary.BigEndian.PutUint32(frame[option-4:], wanted)
	copy(frame[packet.Source-3:packet.Source], frame[option-3:option])
	copy(frame[message-3:message], frame[option-3:option])
	binary.BigEndian.PutUint16(frame[checksum:], 0)
	sum := uint32(icmp + solicitedEnd - message)
	for at := source; at < solicitedEnd; at += 2 {
		sum += uint32(binary.BigEndian.Uint16(frame[at:]))
	}
	sum = sum>>16 + sum&0xffff
	sum = sum>>16 + sum&0xffff
	binary.BigEndian.PutUint16(frame[checksum:], ^uint16(sum))
	return frame
}

func (s *solicitations) reply(frame []byte) (asker, wanted uint32, sound bool) {
	if len(frame) < option || frame[nextHeader] != icmp || frame[message] != advertisement {
		return 0, 0, false
	}
	asker = binary.BigEndian.Uint32(frame[message-4:])
	return asker, binary.BigEndian.Uint32(frame[option-4:]), true
}

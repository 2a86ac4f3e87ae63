package packet

import (
	"bytes"
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
)

// Broadcast is the hardware address of everybody.
var Broadcast = net.HardwareAddr{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}

// Frame is an Ethernet frame that carries ARP.
type Frame struct {
	Destination, Source net.HardwareAddr
	Payload             []byte
}

// Message is ARP for IPv4 on Ethernet.
type Message struct {
	Operation            uint16
	SenderMAC, TargetMAC net.HardwareAddr
	Sender, Target       netip.Addr
}

var errMalformed = errors.New("not ARP for IPv4 on Ethernet")

// DecodeFrame copies what it reads, so that the buffer can be used again.
func DecodeFrame(raw []byte) (*Frame, error) {
	if len(raw) < End || !bytes.Equal(raw[EtherType:Format], Opening[:2]) {
		return nil, errMalformed
	}
	copied := bytes.Clone(raw)
	return &Frame{
		Destination: net.HardwareAddr(copied[Destination:Source]),
		Source:      net.HardwareAddr(copied[Source:EtherType]),
		Payload:     copied[Format:],
	}, nil
}

// Encode returns the frame as bytes, padded to the Ethernet minimum.
func (f *Frame) Encode() []byte {
	raw := make([]byte, max(Format+len(f.Payload), MinimumBytes))
	copy(raw[Destination:], f.Destination)
	copy(raw[Source:], f.Source)
	copy(raw[EtherType:], Opening[:2])
	copy(raw[Format:], f.Payload)
	return raw
}

// DecodeMessage reads what a frame carries; the hardware addresses are parts of it.
func DecodeMessage(raw []byte) (*Message, error) {
	if len(raw) < End-Format || !bytes.Equal(raw[:Operation-Format], Opening[2:]) {
		return nil, errMalformed
	}
	at := func(place, length int) []byte { return raw[place-Format : place-Format+length] }
	return &Message{
		Operation: binary.BigEndian.Uint16(at(Operation, 2)),
		SenderMAC: net.HardwareAddr(at(SenderMAC, 6)),
		Sender:    netip.AddrFrom4([4]byte(at(SenderAddress, 4))),
		TargetMAC: net.HardwareAddr(at(TargetMAC, 6)),
		Target:    netip.AddrFrom4([4]byte(at(TargetAddress, 4))),
	}, nil
}

// Encode returns the message as bytes.
func (m *Message) Encode() []byte {
	raw := make([]byte, 0, End-Format)
	raw = append(raw, Opening[2:]...)
	raw = binary.BigEndian.AppendUint16(raw, m.Operation)
	raw = append(raw, m.SenderMAC...)
	raw = append(raw, m.Sender.AsSlice()...)
	raw = append(raw, m.TargetMAC...)
	return append(raw, m.Target.AsSlice()...)
}

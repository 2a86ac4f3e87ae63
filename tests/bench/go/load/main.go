// Command load asks for addresses on one interface, and prints as JSON what came back.
//
// With -outstanding it sends the next request as soon as one is answered, with -rate it sends at
// an even pace and only counts answers.
//
// It never sleeps while it waits for an answer, so that no responder pays for waking it: on a real
// network nobody does. It makes its system calls itself, in one thread, since a runtime that parks
// and wakes goroutines would be measured with the responder.
package main

import (
	"encoding/binary"
	"encoding/json"
	"flag"
	"log"
	"net"
	"net/netip"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"syscall"
	"time"
	"unsafe"

	"bench/packet"
)

const (
	// firstAsker is the sender address of slot 0: a reply tells by its target whose it is.
	firstAsker = 198<<24 | 18<<16
	// lostAfter is how long nothing must come before what is under way counts as lost.
	lostAfter = 200 * time.Millisecond
)

type result struct {
	Sent    int     `json:"sent"`
	Replies int     `json:"replies"`
	Lost    int     `json:"lost"`
	Strange int     `json:"strange"`
	Seconds float64 `json:"seconds"`
	P50     float64 `json:"p50_us"`
	P99     float64 `json:"p99_us"`
}

type load struct {
	fd        int
	questions questions
	buffer    [packet.MinimumBytes + 26]byte
	mac       net.HardwareAddr
	first     uint32
	addresses uint32
	next      uint32
	found     result
}

// ask sends one request for the next address, with the sender address of a slot.
func (l *load) ask(slot int) uint32 {
	target := l.first + l.next
	l.next = (l.next + 1) % l.addresses
	request := l.questions.request(firstAsker+uint32(slot), target)
	_, _, failed := syscall.RawSyscall(syscall.SYS_WRITE, uintptr(l.fd),
		uintptr(unsafe.Pointer(&request[0])), uintptr(len(request)))
	if failed != 0 && failed != syscall.ENOBUFS {
		log.Fatal("send: ", failed)
	}
	l.found.Sent++
	return target
}

// hear returns the slot and address of the next reply, or false when there is none.
func (l *load) hear() (slot int, target uint32, heard bool) {
	for {
		length, _, failed := syscall.RawSyscall6(syscall.SYS_RECVFROM, uintptr(l.fd),
			uintptr(unsafe.Pointer(&l.buffer)), uintptr(len(l.buffer)), syscall.MSG_DONTWAIT, 0, 0)
		if failed == syscall.EINTR {
			continue
		}
		if failed != 0 {
			return 0, 0, false
		}
		frame := l.buffer[:length]
		if !slices.Equal(frame[packet.Destination:packet.Source], l.mac) {
			continue // what a kernel tells everybody of itself
		}
		asker, target, sound := l.questions.reply(frame)
		if sound {
			return int(asker - firstAsker), target, true
		}
		l.found.Strange++
	}
}

type slot struct {
	target uint32
	sent   time.Duration
}

// keepOutstanding always has as many requests under way, until the time or the requests are over.
func (l *load) keepOutstanding(outstanding int, limit time.Duration, requests int) {
	slots := make([]slot, outstanding)
	latencies := make([]time.Duration, 0, 1<<22)
	start := time.Now()
	for number := range slots {
		slots[number] = slot{sent: time.Since(start), target: l.ask(number)}
	}
	now, last := time.Duration(0), time.Duration(0)
	for now < limit && l.found.Sent < requests {
		number, target, heard := l.hear()
		now = time.Since(start)
		switch {
		case heard && number >= 0 && number < outstanding && slots[number].target == target:
			last = now
			l.found.Replies++
			latencies = append(latencies, now-slots[number].sent)
			slots[number] = slot{sent: now, target: l.ask(number)}
		case heard:
			l.found.Strange++
		case now-last > lostAfter:
			last = now
			for number := range slots {
				l.found.Lost++
				slots[number] = slot{sent: time.Since(start), target: l.ask(number)}
			}
		}
	}
	l.found.Seconds = now.Seconds()
	l.found.P50, l.found.P99 = percentiles(latencies)
}

// pace sends at a rate, evenly: each time that it wakes, what has become due.
func (l *load) pace(rate int, limit time.Duration) {
	start := time.Now()
	for elapsed := time.Duration(0); elapsed < limit; elapsed = time.Since(start) {
		for due := int(float64(rate) * elapsed.Seconds()); l.found.Sent < due; {
			l.ask(0)
		}
		pause := syscall.Timespec{Nsec: int64(time.Second) / int64(rate)}
		syscall.RawSyscall(syscall.SYS_NANOSLEEP, uintptr(unsafe.Pointer(&pause)), 0, 0)
	}
	l.found.Seconds = time.Since(start).Seconds()
	for _, _, heard := l.hear(); heard; _, _, heard = l.hear() {
		l.found.Replies++
	}
}

func percentiles(latencies []time.Duration) (float64, float64) {
	if len(latencies) == 0 {
		return 0, 0
	}
	slices.Sort(latencies)
	at := func(share float64) float64 {
		return float64(latencies[int(share*float64(len(latencies)-1))].Nanoseconds()) / 1e3
	}
	return at(0.50), at(0.99)
}

func main() {
	name := flag.String("interface", "", "where to ask")
	protocol := flag.String("protocol", "arp", "how to ask: arp or nd")
	first := flag.String("first", "10.0.0.1", "the first address to ask for; IPv6 ends in these bytes")
	addresses := flag.Uint("addresses", 1, "how many addresses to ask for, in turn")
	outstanding := flag.Int("outstanding", 1, "how many requests to keep under way")
	rate := flag.Int("rate", 0, "requests per second, whether answered or not")
	limit := flag.Duration("time", time.Second, "when to stop")
	requests := flag.Int("requests", 1<<30, "after how many requests to stop")
	flag.Parse()
	runtime.LockOSThread()
	debug.SetGCPercent(-1)
	etherType := uint16(packet.ARP)
	if *protocol == "nd" {
		etherType = packet.IPv6
	}
	fd, link, err := packet.Open(*name, etherType)
	if err != nil {
		log.Fatal(err)
	}
	l := load{fd: fd, mac: link.HardwareAddr, addresses: uint32(*addresses)}
	if *protocol == "nd" {
		l.questions = newSolicitations(l.mac)
	} else {
		l.questions = newRequests(l.mac)
	}
	from := netip.MustParseAddr(*first).As4()
	l.first = binary.BigEndian.Uint32(from[:])
	if *rate > 0 {
		l.pace(*rate, *limit)
	} else {
		l.keepOutstanding(*outstanding, *limit, *requests)
	}
	if err := json.NewEncoder(os.Stdout).Encode(l.found); err != nil {
		log.Fatal(err)
	}
}

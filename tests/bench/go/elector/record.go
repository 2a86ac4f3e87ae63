package main

import (
	"context"
	"encoding/json"
	"os"
	"sync"

	"golang.org/x/sys/unix"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
)

// event is a line of the record. Times are seconds on CLOCK_MONOTONIC, which all processes of a
// machine share.
type event struct {
	Event  string  `json:"event"`
	Lease  string  `json:"lease,omitempty"`
	At     float64 `json:"at"`
	Began  float64 `json:"began,omitempty"`
	Holder string  `json:"holder,omitempty"`
	Error  string  `json:"error,omitempty"`
}

type record struct {
	lock sync.Mutex
	file *os.File
}

func newRecord(path string) (*record, error) {
	file, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	return &record{file: file}, err
}

func now() float64 {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &t); err != nil {
		panic(err)
	}
	return float64(t.Sec) + float64(t.Nsec)/1e9
}

// write appends one line, stamped with the time.
func (r *record) write(e event) {
	e.At = now()
	line, err := json.Marshal(e)
	if err != nil {
		panic(err)
	}
	r.lock.Lock()
	defer r.lock.Unlock()
	if _, err := r.file.Write(append(line, '\n')); err != nil {
		panic(err)
	}
}

// recorded is a lock whose requests to the API server are written down with their outcome.
type recorded struct {
	resourcelock.Interface
	lease  string
	events *record
}

func (r *recorded) Create(ctx context.Context, ler resourcelock.LeaderElectionRecord) error {
	began := now()
	err := r.Interface.Create(ctx, ler)
	r.wrote("create", began, ler, err)
	return err
}

func (r *recorded) Update(ctx context.Context, ler resourcelock.LeaderElectionRecord) error {
	began := now()
	err := r.Interface.Update(ctx, ler)
	r.wrote("update", began, ler, err)
	return err
}

func (r *recorded) wrote(verb string, began float64, ler resourcelock.LeaderElectionRecord, err error) {
	e := event{Event: verb, Lease: r.lease, Began: began, Holder: ler.HolderIdentity}
	if err != nil {
		e.Error = err.Error()
	}
	r.events.write(e)
}

// Command elector announces addresses by a stock leader elector, as Cilium's agent drives it.
//
// It is what the project's own election is measured against, and what it shares Leases with in the
// tests. For every argument LEASE=ADDRESS one client-go LeaderElector runs, is started again when
// it has lost, and releases its Lease when it ends. While it leads, the process answers ARP for the
// address on the interface; having won, it announces it once. As with Cilium the release comes
// before the withdrawal: an elector says that it stopped leading after it has given the Lease up.
//
// Unlike Cilium's, the answers come from this process and not from a program in the kernel: they
// end when it is killed, and rest while it is stopped.
package main

import (
	"context"
	"flag"
	"log"
	"net/netip"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
)

type settings struct {
	kubeconfig, identity, namespace, link, record string
	duration, deadline, period                    time.Duration
	qps, burst                                    int
}

func parsed() (settings, map[string]netip.Addr) {
	var s settings
	flag.StringVar(&s.kubeconfig, "kubeconfig", "", "the way to the API server")
	flag.StringVar(&s.identity, "identity", "", "the name of this node")
	flag.StringVar(&s.namespace, "namespace", "kube-system", "the namespace of the Leases")
	flag.StringVar(&s.link, "interface", "eth0", "where ARP is answered")
	flag.StringVar(&s.record, "record", os.DevNull, "the file to which events are appended")
	flag.DurationVar(&s.duration, "lease-duration", 15*time.Second, "client-go's LeaseDuration")
	flag.DurationVar(&s.deadline, "renew-deadline", 5*time.Second, "client-go's RenewDeadline")
	flag.DurationVar(&s.period, "retry-period", 2*time.Second, "client-go's RetryPeriod")
	flag.IntVar(&s.qps, "qps", 10, "requests a second, on average; 10 is Cilium's default")
	flag.IntVar(&s.burst, "burst", 20, "requests at once; 20 is Cilium's default")
	flag.Parse()
	leases := make(map[string]netip.Addr, flag.NArg())
	for _, argument := range flag.Args() {
		lease, address, _ := strings.Cut(argument, "=")
		leases[lease] = netip.MustParseAddr(address)
	}
	return s, leases
}

func (s *settings) client() *kubernetes.Clientset {
	config, err := clientcmd.BuildConfigFromFlags("", s.kubeconfig)
	if err != nil {
		log.Fatal(err)
	}
	config.QPS, config.Burst = float32(s.qps), s.burst
	config.UserAgent = "elector"
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		log.Fatal(err)
	}
	return client
}

// contest stands for one Lease until the context ends.
func (s *settings) contest(
	ctx context.Context, client *kubernetes.Clientset, lease string, address netip.Addr,
	answering *responder, events *record,
) {
	lock := &recorded{
		Interface: &resourcelock.LeaseLock{
			LeaseMeta:  metav1.ObjectMeta{Namespace: s.namespace, Name: lease},
			Client:     client.CoordinationV1(),
			LockConfig: resourcelock.ResourceLockConfig{Identity: s.identity},
		},
		lease:  lease,
		events: events,
	}
	config := leaderelection.LeaderElectionConfig{
		Lock:            lock,
		LeaseDuration:   s.duration,
		RenewDeadline:   s.deadline,
		RetryPeriod:     s.period,
		ReleaseOnCancel: true,
		Callbacks: leaderelection.LeaderCallbacks{
			OnStartedLeading: func(context.Context) {
				answering.grant(address)
				events.write(event{Event: "started", Lease: lease})
			},
			OnStoppedLeading: func() {
				answering.withdraw(address)
				events.write(event{Event: "stopped", Lease: lease})
			},
		},
	}
	for ctx.Err() == nil {
		elector, err := leaderelection.NewLeaderElector(config)
		if err != nil {
			log.Fatal(err)
		}
		elector.Run(ctx)
	}
}

func main() {
	s, leases := parsed()
	events, err := newRecord(s.record)
	if err != nil {
		log.Fatal(err)
	}
	answering, err := newResponder(s.link)
	if err != nil {
		log.Fatal(err)
	}
	go func() { log.Fatal(answering.run()) }()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	client := s.client()
	events.write(event{Event: "ready"})
	var contests sync.WaitGroup
	for lease, address := range leases {
		contests.Add(1)
		go func() {
			defer contests.Done()
			s.contest(ctx, client, lease, address, answering, events)
		}()
	}
	contests.Wait()
}

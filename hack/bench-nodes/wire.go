package main

import (
	"fmt"
	"io"
	"net"
	"net/url"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"k8s.io/client-go/tools/clientcmd"
)

// link is a way to the API server.
type link struct {
	latency time.Duration // one way
	bits    int64         // a second, from the server; 0 is no limit
}

// String writes the link for people.
func (l link) String() string {
	if l == (link{}) {
		return "on the spot"
	}
	return fmt.Sprintf("%d Mbit/s, %s", l.bits/1e6, l.latency)
}

// wire passes connections on byte by byte, TLS and all, counts what comes back, and can be as slow as a link:
// each direction takes the latency longer, and what the server sends shares one bandwidth.
type wire struct {
	listener net.Listener
	target   string
	received atomic.Int64 // bytes from the server

	mu   sync.Mutex
	link link
	free time.Time // when the link has carried all that it was given
}

func newWire(target string) (*wire, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	w := &wire{listener: listener, target: target}
	go w.accept()
	return w, nil
}

// use changes the link.
func (w *wire) use(l link) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.link = l
}

// due is when so many bytes, that are sent now, have arrived.
func (w *wire) due(bytes int) time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := time.Now()
	if w.link.bits > 0 && bytes > 0 {
		if w.free.Before(now) {
			w.free = now
		}
		w.free = w.free.Add(time.Duration(int64(bytes) * 8 * int64(time.Second) / w.link.bits))
		now = w.free
	}
	return now.Add(w.link.latency)
}

func (w *wire) accept() {
	for {
		client, err := w.listener.Accept()
		if err != nil {
			return
		}
		go w.connect(client)
	}
}

func (w *wire) connect(client net.Conn) {
	defer client.Close()
	time.Sleep(2 * time.Until(w.due(0))) // TCP's handshake
	server, err := net.Dial("tcp", w.target)
	if err != nil {
		return
	}
	defer server.Close()
	go carry(server, client, func(int) time.Time { return w.due(0) })
	carry(client, server, func(n int) time.Time {
		w.received.Add(int64(n))
		return w.due(n)
	})
}

type parcel struct {
	due  time.Time
	data []byte
}

// carry holds each piece until it is due, but as many at a time as there are.
func carry(to io.WriteCloser, from io.Reader, due func(bytes int) time.Time) {
	way := make(chan parcel, 1<<14)
	go func() {
		defer close(way)
		for {
			data := make([]byte, 4<<10) // 7 ms of 5 Mbit/s
			n, err := from.Read(data)
			if n > 0 {
				way <- parcel{due(n), data[:n]}
			}
			if err != nil {
				return
			}
		}
	}()
	defer to.Close()
	for p := range way {
		time.Sleep(time.Until(p.due))
		if _, err := to.Write(p.data); err != nil {
			for range way { // let the reader end
			}
			return
		}
	}
}

// kubeconfig writes a copy of a kubeconfig that goes over the wire.
func (w *wire) kubeconfig(original, dir string) (string, error) {
	config, err := clientcmd.LoadFromFile(original)
	if err != nil {
		return "", err
	}
	for _, cluster := range config.Clusters {
		address, err := url.Parse(cluster.Server)
		if err != nil {
			return "", err
		}
		address.Host = w.listener.Addr().String()
		cluster.Server = address.String()
	}
	path := filepath.Join(dir, "kubeconfig")
	return path, clientcmd.WriteToFile(*config, path)
}

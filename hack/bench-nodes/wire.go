package main

import (
	"io"
	"net"
	"net/url"
	"path/filepath"
	"sync/atomic"
	"time"

	"k8s.io/client-go/tools/clientcmd"
)

// wire passes connections on byte by byte, counts what comes back, and can be as slow as a long way:
// each direction takes latency longer, whatever it carries.
type wire struct {
	listener net.Listener
	target   string
	latency  atomic.Int64 // one way
	received atomic.Int64 // bytes from the server
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
	time.Sleep(2 * time.Duration(w.latency.Load())) // TCP's handshake
	server, err := net.Dial("tcp", w.target)
	if err != nil {
		return
	}
	defer server.Close()
	go w.carry(server, client, new(atomic.Int64))
	w.carry(client, server, &w.received)
}

type parcel struct {
	due  time.Time
	data []byte
}

// carry holds each piece for the latency, but as many at a time as there are.
func (w *wire) carry(to io.WriteCloser, from io.Reader, count *atomic.Int64) {
	way := make(chan parcel, 1<<14)
	go func() {
		defer close(way)
		for {
			data := make([]byte, 32<<10)
			n, err := from.Read(data)
			if n > 0 {
				count.Add(int64(n))
				way <- parcel{time.Now().Add(time.Duration(w.latency.Load())), data[:n]}
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

// Package faults puts a proxy before an API server that does to chosen requests what networks, load
// balancers and overloaded servers do: delay them, answer for the server, stop sending half way, cut
// the connection. It speaks TLS and HTTP/2 as the API server does.
package faults

import (
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// Fault is what happens to one request. The zero value passes it on untouched.
type Fault struct {
	// Delay holds the request back.
	Delay time.Duration
	// Status, when not 0, is the proxy's own answer, with RetryAfter seconds in its header if not 0.
	Status     int
	RetryAfter int
	// Body, when not empty, is the proxy's own answer with status 200, or the body of Status.
	Body string
	// Cut ends the answer after so many bytes by resetting the stream; Stall stops sending after so
	// many bytes but keeps the stream open. 0 is never; 1 is after the first byte.
	Cut, Stall int64
	// Clean ends a cut answer as a complete one ends.
	Clean bool
	// Accept, when not empty, replaces the request's header: an old server knows fewer formats.
	Accept string
	// Ahead is how far the clock that the answer's Date is by is ahead of the API server's.
	Ahead time.Duration
	// Gone answers 410 in the server's name: it has forgotten where the request wants to go on.
	Gone bool
}

// Rule chooses the fault for a request. Seen is how often this method, path and query were asked for
// before.
type Rule func(r *http.Request, seen int) Fault

// Proxy is a running proxy. It authenticates at the API server by itself, as the user of the
// configuration it was started with.
type Proxy struct {
	server *httptest.Server

	mu   sync.Mutex
	rule Rule
	seen map[string]int
	log  []string
}

// Start starts a proxy for one test.
func Start(tb testing.TB, upstream *rest.Config, rule Rule) *Proxy {
	tb.Helper()
	transport, err := rest.TransportFor(upstream)
	if err != nil {
		tb.Fatalf("preparing the proxy: %v", err)
	}
	target, err := url.Parse(upstream.Host)
	if err != nil {
		tb.Fatalf("reading the API server's address: %v", err)
	}
	p := &Proxy{rule: rule, seen: map[string]int{}}
	reverse := &httputil.ReverseProxy{
		Rewrite:        func(r *httputil.ProxyRequest) { r.SetURL(target); r.Out.Header.Del("Accept-Encoding") },
		Transport:      transport,
		FlushInterval:  -1,
		ModifyResponse: spoil,
		ErrorLog:       log.New(io.Discard, "", 0), // the faults are meant
		ErrorHandler:   func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
	}
	p.server = httptest.NewUnstartedServer(p.handler(reverse))
	p.server.EnableHTTP2 = true
	p.server.Config.ErrorLog = log.New(io.Discard, "", 0)
	p.server.StartTLS()
	tb.Cleanup(func() {
		p.server.CloseClientConnections()
		p.server.Close()
	})
	return p
}

type faultKey struct{}

func (p *Proxy) handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fault := p.choose(r)
		select {
		case <-time.After(fault.Delay):
		case <-r.Context().Done():
			return
		}
		if fault.Gone {
			fault.Status = http.StatusGone
			fault.Body = `{"kind":"Status","apiVersion":"v1","status":"Failure","message":"The provided continue parameter is too old","reason":"Expired","code":410}`
		}
		if fault.Status != 0 || fault.Body != "" {
			answer(w, fault)
			return
		}
		if fault.Accept != "" {
			r.Header.Set("Accept", fault.Accept)
		}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), faultKey{}, fault)))
	})
}

func (p *Proxy) choose(r *http.Request) Fault {
	p.mu.Lock()
	defer p.mu.Unlock()
	key := r.Method + " " + r.URL.RequestURI()
	seen := p.seen[key]
	p.seen[key]++
	p.log = append(p.log, key)
	if p.rule == nil {
		return Fault{}
	}
	return p.rule(r, seen)
}

func answer(w http.ResponseWriter, fault Fault) {
	w.Header().Set("Content-Type", "application/json")
	if fault.RetryAfter > 0 {
		w.Header().Set("Retry-After", fmt.Sprint(fault.RetryAfter))
	}
	if fault.Status != 0 {
		w.WriteHeader(fault.Status)
	}
	_, _ = io.WriteString(w, fault.Body)
}

// Set replaces the rule for the requests to come.
func (p *Proxy) Set(rule Rule) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rule = rule
}

// Requests are the method, path and query of all requests so far, in order.
func (p *Proxy) Requests() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string(nil), p.log...)
}

// CutAll resets all connections.
func (p *Proxy) CutAll() { p.server.CloseClientConnections() }

// Config is a client's configuration for the proxy.
func (p *Proxy) Config() *rest.Config {
	return &rest.Config{Host: p.server.URL, TLSClientConfig: rest.TLSClientConfig{CAData: p.ca()}}
}

// Kubeconfig writes a kubeconfig for the proxy with one context of the name and namespace given.
func (p *Proxy) Kubeconfig(tb testing.TB, context, namespace string) string {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), "kubeconfig")
	config := clientcmdapi.Config{
		Clusters:       map[string]*clientcmdapi.Cluster{context: {Server: p.server.URL, CertificateAuthorityData: p.ca()}},
		AuthInfos:      map[string]*clientcmdapi.AuthInfo{context: {}},
		Contexts:       map[string]*clientcmdapi.Context{context: {Cluster: context, AuthInfo: context, Namespace: namespace}},
		CurrentContext: context,
	}
	if err := clientcmd.WriteToFile(config, path); err != nil {
		tb.Fatalf("writing the proxy's kubeconfig: %v", err)
	}
	return path
}

func (p *Proxy) ca() []byte {
	certificate := p.server.Certificate()
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate.Raw})
}

// spoil puts the fault that was chosen for the request into the answer.
func spoil(response *http.Response) error {
	fault, ok := response.Request.Context().Value(faultKey{}).(Fault)
	if at, err := http.ParseTime(response.Header.Get("Date")); err == nil {
		response.Header.Set("Date", at.Add(fault.Ahead).Format(http.TimeFormat))
	}
	if !ok || fault.Cut == 0 && fault.Stall == 0 {
		return nil
	}
	response.Header.Del("Content-Length")
	response.ContentLength = -1
	response.Body = &spoiled{ReadCloser: response.Body, ctx: response.Request.Context(), fault: fault}
	return nil
}

// spoiled is an answer's body that breaks off or stalls after so many bytes.
type spoiled struct {
	io.ReadCloser
	ctx   context.Context
	fault Fault
	sent  int64
}

// Read implements io.Reader.
func (s *spoiled) Read(b []byte) (int, error) {
	limit := max(s.fault.Cut, s.fault.Stall)
	if s.sent >= limit {
		if s.fault.Stall > 0 {
			<-s.ctx.Done()
			return 0, s.ctx.Err()
		}
		if s.fault.Clean {
			return 0, io.EOF
		}
		return 0, errors.New("cut by the proxy")
	}
	if int64(len(b)) > limit-s.sent {
		b = b[:limit-s.sent]
	}
	n, err := s.ReadCloser.Read(b)
	s.sent += int64(n)
	return n, err
}

package kube

import (
	"context"

	"github.com/go-logr/logr"
	"k8s.io/klog/v2"
)

// WithoutTroubles is a context in which client-go does not write its troubles to stderr, since the caller tells of them. What
// the user asks for with -v, requests and their answers, is written all the same.
func WithoutTroubles(ctx context.Context) context.Context {
	return klog.NewContext(ctx, logr.New(asked{klog.Background().GetSink()}))
}

// requests is the verbosity from which client-go writes requests.
const requests = 6

// asked passes on what is written from the verbosity of requests on.
type asked struct{ logr.LogSink }

// Enabled implements logr.LogSink.
func (a asked) Enabled(level int) bool { return level >= requests && a.LogSink.Enabled(level) }

// Error implements logr.LogSink.
func (a asked) Error(err error, message string, values ...any) {
	if a.LogSink.Enabled(requests) {
		a.LogSink.Error(err, message, values...)
	}
}

// WithValues implements logr.LogSink.
func (a asked) WithValues(values ...any) logr.LogSink { return asked{a.LogSink.WithValues(values...)} }

// WithName implements logr.LogSink.
func (a asked) WithName(name string) logr.LogSink { return asked{a.LogSink.WithName(name)} }

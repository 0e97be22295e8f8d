package main

import (
	"context"

	"github.com/fluxtune/kubectl-fluxtune/hack/measure"
)

// sample is one run of a program, and what it received from the API server, encrypted, in bytes.
type sample struct {
	measure.Sample
	Bytes int64
}

func (w *wire) measure(command []string) (sample, error) {
	before := w.received.Load()
	s, err := measure.Run(context.Background(), nil, command...)
	return sample{s, w.received.Load() - before}, err
}

package main

import (
	"cmp"
	"context"
	"slices"

	"github.com/fluxtune/kubectl-fluxtune/hack/measure"
)

// command is a program and its arguments.
type command []string

// interleave runs the commands in turn, so that all see the same weather, and returns the median of
// each. The first round warms up and does not count, unless there is only one.
func interleave(ctx context.Context, runs int, env []string, commands ...command) ([]measure.Sample, error) {
	all := make([][]measure.Sample, len(commands))
	warmUp := 1
	if runs == 1 {
		warmUp = 0
	}
	for round := range runs + warmUp {
		for i, c := range commands {
			s, err := measure.Run(ctx, env, c...)
			if err != nil {
				return nil, err
			}
			if round >= warmUp {
				all[i] = append(all[i], s)
			}
		}
	}
	medians := make([]measure.Sample, len(commands))
	for i, samples := range all {
		slices.SortFunc(samples, func(a, b measure.Sample) int { return cmp.Compare(a.Wall, b.Wall) })
		medians[i] = samples[len(samples)/2]
	}
	return medians, nil
}

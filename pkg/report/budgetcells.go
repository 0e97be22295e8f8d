package report

import (
	"fmt"
	"math"

	"github.com/fluxtune/kubectl-fluxtune/pkg/budget"
)

// rates shows one number, or the way from one to another.
func rates(r budget.Rates) Cell {
	return texts(budget.Pair[string]{Now: rate(r.Now), Planned: rate(r.Planned)})
}

func texts(p budget.Pair[string]) Cell {
	now, planned := orDash(p.Now), orDash(p.Planned)
	if now == planned {
		return Text(now)
	}
	return Cell{Text: now + " -> " + planned, Style: Changed}
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// percentCell shows percents, and warns where the planned one is above a mark.
func percentCell(r budget.Rates, mark, full float64) Cell {
	c := texts(budget.Pair[string]{Now: share(r.Now), Planned: share(r.Planned)})
	switch {
	case r.Planned > full:
		c.Style = Bad
	case r.Planned > mark:
		c.Style = Changed
	default:
		c.Style = Plain
	}
	return c
}

func share(f float64) string {
	if f > 0 && f < 1 {
		return "<1%"
	}
	return fmt.Sprintf("%.0f%%", f)
}

// Rate writes a rate, of requests an hour, as all tables do.
func Rate(f float64) string { return rate(f) }

// rate writes a rate for people: with commas, and a decimal where it is small and not whole.
func rate(f float64) string {
	if f < 10 && f != math.Trunc(f) {
		return fmt.Sprintf("%.1f", f)
	}
	digits := fmt.Sprintf("%.0f", f)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

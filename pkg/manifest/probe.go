package manifest

import (
	"fmt"
	"hash/fnv"
	"regexp"
	"strconv"
)

// A probe is a duration that nobody writes, of 12 digits: a seven, a number, and a sum of the number, by which one is told that
// something has changed on its way, as functions of variables do (${poll/1/2}).
var (
	probePattern  = regexp.MustCompile(`^7([0-9]{6})([0-9]{5})ms$`)
	probeAnywhere = regexp.MustCompile(`7[0-9]{11}ms`)
)

func probeText(i int) string { return fmt.Sprintf("7%06d%05dms", i, probeSum(i)) }

func probeSum(i int) uint32 {
	h := fnv.New32a()
	_, _ = fmt.Fprintf(h, "%d", i*2_654_435_761)
	return h.Sum32() % 100_000
}

// probeIndex is the scalar whose probe a text is; false where it is that of none.
func (d *Decisions) probeIndex(text string) (int, bool) {
	match := probePattern.FindStringSubmatch(text)
	if match == nil {
		return 0, false
	}
	i, err := strconv.Atoi(match[1])
	return i, err == nil && i < len(d.scalars) && text == probeText(i)
}

package report

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// sortNodes sorts by one of the words that nodes knows, or by any field of an item. The fullest come
// first, and the oldest; nodes that are gone stay behind those that are there.
func sortNodes(items []NodeItem, by string) error {
	word, backwards := strings.CutPrefix(by, "-")
	compare := map[string]func(a, b NodeItem) int{
		"": func(a, b NodeItem) int {
			return cmp.Or(strings.Compare(a.Cluster, b.Cluster), strings.Compare(a.Name, b.Name))
		},
		"pods":   func(a, b NodeItem) int { return known(b.Pods) - known(a.Pods) },
		"use":    func(a, b NodeItem) int { return compareUse(b.Use, a.Use) },
		"age":    func(a, b NodeItem) int { return compareCreated(a.Created, b.Created) },
		"cpu":    func(a, b NodeItem) int { return cmp.Compare(b.cpu(), a.cpu()) },
		"memory": func(a, b NodeItem) int { return cmp.Compare(b.memory(), a.memory()) },
	}
	compare["name"] = compare[""]
	chosen := compare[word]
	if chosen == nil {
		return sortBy(items, by, "it takes name, pods, use, age, cpu, memory, or a JSONPath of an item of -o json, like .version; with - before it the other way round")
	}
	slices.SortStableFunc(items, func(a, b NodeItem) int {
		d := chosen(a, b)
		if backwards {
			d = -d
		}
		return cmp.Or(boolRank(a.Status == gone)-boolRank(b.Status == gone), d, compare[""](a, b))
	})
	return nil
}

func (i NodeItem) cpu() int64 {
	if i.Usage == nil {
		return -1
	}
	return i.Usage.CPUMillicores
}

func (i NodeItem) memory() int64 {
	if i.Usage == nil {
		return -1
	}
	return i.Usage.MemoryBytes
}

func known(n *int) int {
	if n == nil {
		return -1
	}
	return *n
}

func compareUse(a, b *Percent) int {
	switch {
	case a == nil || b == nil:
		return boolRank(a != nil) - boolRank(b != nil)
	case *a < *b:
		return -1
	case *a > *b:
		return 1
	}
	return 0
}

func compareCreated(a, b *time.Time) int {
	if a == nil || b == nil {
		return boolRank(b != nil) - boolRank(a != nil)
	}
	return a.Compare(*b)
}

package report

import (
	"github.com/fluxtune/kubectl-fluxtune/pkg/sorting"

	"cmp"
	"reflect"
	"slices"
	"strings"
	"time"
)

const nodeSortTakes = "it takes name, pods, use, age, cpu, memory, terminating, pending, or a JSONPath of an item of -o json, like .version; with - before it the other way round"

// sortNodes sorts by one of the words that nodes knows, or by any field of an item. The fullest come first, and the oldest.
// Whichever way round, what is not known stays behind what is known, and nodes that are gone behind those that are there.
func sortNodes(items []NodeItem, by string) error {
	word, backwards := strings.CutPrefix(by, "-")
	byName := func(a, b NodeItem) int {
		return cmp.Or(strings.Compare(a.Cluster, b.Cluster), strings.Compare(a.Name, b.Name))
	}
	compare := map[string]func(a, b NodeItem) int{
		"name":        byName,
		"pods":        knownFirst(func(i NodeItem) *int { return i.Pods }, mostFirst, backwards),
		"use":         knownFirst(func(i NodeItem) *Percent { return i.Use }, mostFirst, backwards),
		"terminating": knownFirst(func(i NodeItem) *int { return i.Terminating }, mostFirst, backwards),
		"pending":     knownFirst(func(i NodeItem) *int { return i.Pending }, mostFirst, backwards),
		"age":         knownFirst(func(i NodeItem) *time.Time { return i.Created }, time.Time.Compare, backwards),
		"cpu":         knownFirst(NodeItem.cpu, mostFirst, backwards),
		"memory":      knownFirst(NodeItem.memory, mostFirst, backwards),
	}
	if backwards {
		compare["name"] = func(a, b NodeItem) int { return byName(b, a) }
	}
	chosen := compare[cmp.Or(word, "name")]
	if chosen == nil {
		if err := sortBy(items, by, order{takes: nodeSortTakes, missingLast: true}); err != nil {
			return err
		}
		chosen = func(NodeItem, NodeItem) int { return 0 }
		byName = chosen
	}
	sorting.By(items, func(a, b NodeItem) int {
		return cmp.Or(boolRank(a.Status == gone)-boolRank(b.Status == gone), chosen(a, b), byName(a, b))
	})
	return nil
}

// knownFirst compares by a value that may not be known.
func knownFirst[T, V any](value func(T) *V, compare func(a, b V) int, backwards bool) func(a, b T) int {
	return func(a, b T) int {
		x, y := value(a), value(b)
		switch {
		case x == nil || y == nil:
			return boolRank(x == nil) - boolRank(y == nil)
		case backwards:
			return compare(*y, *x)
		default:
			return compare(*x, *y)
		}
	}
}

func mostFirst[V cmp.Ordered](a, b V) int { return cmp.Compare(b, a) }

func (i NodeItem) cpu() *int64 {
	if i.Usage == nil {
		return nil
	}
	return &i.Usage.CPUMillicores
}

func (i NodeItem) memory() *int64 {
	if i.Usage == nil {
		return nil
	}
	return &i.Usage.MemoryBytes
}

// NodeField is the path of a field of a node's item that SortBy names, such as usage.cpuMillicores; "" for words, and for
// what is no plain path.
func NodeField(sortBy string) string {
	word := strings.TrimPrefix(sortBy, "-")
	if slices.Contains([]string{"", "name", "pods", "use", "age", "cpu", "memory", "terminating", "pending"}, word) {
		return ""
	}
	return strings.TrimPrefix(strings.TrimSuffix(strings.TrimPrefix(word, "{"), "}"), ".")
}

// sortsBy tells whether the order is one of some words, or that of a field of this name.
func (l NodeList) sortsBy(words ...string) bool {
	field, _, _ := strings.Cut(NodeField(l.sortBy), ".")
	return slices.Contains(words, cmp.Or(field, l.sortBy))
}

// isNodeField tells whether an item can have a field, though none may have it now.
func isNodeField(sortBy string) bool {
	at := reflect.TypeFor[NodeItem]()
	for _, name := range strings.Split(NodeField(sortBy), ".") {
		for at.Kind() == reflect.Pointer {
			at = at.Elem()
		}
		if at.Kind() != reflect.Struct {
			return false
		}
		found := false
		for f := range at.Fields() {
			if tag, _, _ := strings.Cut(f.Tag.Get("json"), ","); tag == name && name != "" {
				at, found = f.Type, true
				break
			}
		}
		if !found {
			return false
		}
	}
	return true
}

// Package sorting sorts lists of structs.
package sorting

import "sort"

// By sorts items as compare says (below zero: a before b), and leaves those that are equal in their order.
//
// It is compiled once for all types: slices.SortStableFunc is compiled anew for each (go tool nm -size
// shows it), and an archive of the program may have 50 MB.
func By[T any](items []T, compare func(a, b T) int) {
	sort.SliceStable(items, func(i, j int) bool { return compare(items[i], items[j]) < 0 })
}

package report

import (
	"github.com/fluxtune/kubectl-fluxtune/pkg/sorting"

	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

// Undone is what of changes will not last, those that are planned or those that were made before, in numbers of objects.
type Undone struct {
	// Changes are all objects that change or were changed, Objects those whose change is undone, Perhaps those whose change may be.
	Changes, Objects, Perhaps int
	// Within is the longest of the times that are known; Later says that some are not.
	Within time.Duration
	Later  bool
	// Owners undo the changes, who undoes most first.
	Owners []string
}

// NewUndone counts the items that change and whose changes something sets again.
func NewUndone(items []tune.Item) Undone {
	return undoneOf(items, func(item tune.Item) bool { return item.Action == tune.ActionChange })
}

// undoneBefore counts the items that are as the policy wants since an apply set them, and whose values something sets again.
func undoneBefore(items []tune.Item) Undone {
	return undoneOf(items, func(item tune.Item) bool { return item.Action == tune.ActionUnchanged && item.Standing })
}

func undoneOf(items []tune.Item, are func(tune.Item) bool) Undone {
	var u Undone
	counts := make(map[string]int)
	for _, item := range items {
		if !are(item) {
			continue
		}
		u.Changes++
		switch item.Stick.Verdict {
		case tune.Unknown:
			u.Perhaps++
		case tune.Reverted:
			u.Objects++
			u.Within = max(u.Within, item.Stick.Within)
			u.Later = u.Later || item.Stick.Within == 0
			counts[flux.InCluster(item.Object.Cluster, item.Stick.Owner.String())]++
		}
	}
	u.Owners = sortedKeys(counts)
	sorting.By(u.Owners, func(a, b string) int { return -cmp.Compare(counts[a], counts[b]) })
	return u
}

// when says within what time.
func (u Undone) when() string {
	switch {
	case u.Within == 0:
		return "later"
	case u.Later:
		return tune.Within(u.Within) + " or later"
	default:
		return tune.Within(u.Within)
	}
}

// by names who undoes them; most (0: any number) before the rest is counted.
func (u Undone) by(most int) string {
	if most > 0 && len(u.Owners) > most {
		return fmt.Sprintf("%s and %d more", strings.Join(u.Owners[:most], ", "), len(u.Owners)-most)
	}
	return strings.Join(u.Owners, ", ")
}

// of is how many of how many: "3 of 5 changes".
func (u Undone) of(n int) string { return fmt.Sprintf("%d of %s", n, count(u.Changes, "change")) }

// lines say it below a label, or none where everything lasts.
func (u Undone) lines(most int) []string {
	var lines []string
	if u.Objects > 0 {
		lines = append(lines, fmt.Sprintf("%s %s, by %s", u.of(u.Objects), u.when(), u.by(most)))
	}
	if u.Perhaps > 0 {
		lines = append(lines, u.of(u.Perhaps)+" may be undone (-o wide says by whom)")
	}
	return lines
}

// before say it of changes that were made before, below the same label.
func (u Undone) before(most int) []string {
	var lines []string
	if u.Objects > 0 {
		lines = append(lines, fmt.Sprintf("%s as the policy wants, %s, by %s", thatAre(u.Objects), u.when(), u.by(most)))
	}
	if u.Perhaps > 0 {
		lines = append(lines, fmt.Sprintf("%s as the policy wants may be undone (-o wide says by whom)", thatAre(u.Perhaps)))
	}
	return lines
}

// Sentence says it when the changes are made; "" where everything lasts.
func (u Undone) Sentence() string {
	var parts []string
	if u.Objects > 0 {
		parts = append(parts, fmt.Sprintf("%s %s undone %s, by %s.", u.of(u.Objects), isOrAre(u.Objects), u.when(), u.by(namedInTrouble)))
	}
	if u.Perhaps > 0 {
		parts = append(parts, u.of(u.Perhaps)+" may be undone.")
	}
	return strings.Join(parts, " ")
}

// Clause says it in a question; "" where everything lasts.
func (u Undone) Clause() string {
	var parts []string
	if u.Objects > 0 {
		parts = append(parts, fmt.Sprintf("%d %s undone %s by %s", u.Objects, isOrAre(u.Objects), u.when(), u.by(1)))
	}
	if u.Perhaps > 0 {
		parts = append(parts, fmt.Sprintf("%d may be undone", u.Perhaps))
	}
	return strings.Join(parts, ", ")
}

// until begins a promise that holds only so long; "" where everything lasts.
func (u Undone) until() string {
	switch {
	case u.Objects == 0:
		return ""
	case u.Objects == u.Changes && u.Objects == 1:
		return "until it is undone, "
	case u.Objects == u.Changes:
		return "until they are undone, "
	default:
		return fmt.Sprintf("until %d %s undone, ", u.Objects, isOrAre(u.Objects))
	}
}

func thatAre(n int) string { return fmt.Sprintf("%d that %s", n, isOrAre(n)) }

func isOrAre(n int) string {
	if n == 1 {
		return "is"
	}
	return "are"
}

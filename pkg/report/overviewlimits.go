package report

// textLines is how many lines a text may have where there is room.
const textLines = 4

// fewestGroups is how many groups are shown before notes are cut.
const fewestGroups = 4

// limits are how many lines parts of an overview may have. Where height is 0 there is no limit; of all others but remarks and
// note 0 is any number, too.
type limits struct {
	height, hosts, reasons, environments, named, remarks, note int
	// clusters are those that are named in a line, lines how many each text may have, and labels how many have texts.
	clusters, lines, labels int
	// most is how many remarks there are.
	most int
	// names has the first objects named of each reason to leave some alone.
	names bool
}

var unlimited = limits{}

// limitsFor are those of a height in lines, before anything is found to have no room; remarks is how many there are.
func limitsFor(height, remarks int) limits {
	l := limits{height: height, hosts: 2, reasons: 3, environments: 4, named: 1, remarks: remarks, most: remarks, note: height, clusters: 3, lines: textLines, labels: mostLabels, names: true}
	if height > 40 {
		l.hosts, l.reasons, l.named = 5, 8, 5
	}
	return l
}

// summed tells whether a fit has no room for a line for each share: those about costs have to do.
func (l limits) summed() bool { return l.height > 0 && l.named == 1 }

// cuts tells whether texts lose their ends where they take more lines than there is room for.
func (l limits) cuts() bool { return l.lines > 0 && l.lines < textLines }

// less takes a line away from what matters least; false where nothing is left to take away, or what is left matters more than
// that each group has a line: enough of them have.
func (l *limits) less(enough bool) bool {
	switch {
	case l.remarks > 0:
		l.remarks--
	case l.names:
		l.names, l.remarks = false, l.most // there may be room again
	case l.reasons > 1:
		l.reasons--
	case enough:
		return false
	case l.note > 0:
		l.note--
	case l.clusters > 1:
		l.clusters--
	case l.hosts > 1:
		l.hosts--
	case l.lines > 1:
		l.lines--
	case l.labels > leastLabels:
		l.labels--
	default:
		return false
	}
	return true
}

// latencies is of how many environments a line says how long a commit takes; 0 is any number.
func (l limits) latencies() int {
	if l.cuts() {
		return min(l.lines, l.environments)
	}
	return l.environments
}

package report

import "fmt"

// Fullest names a node and how full it is.
type Fullest struct {
	Cluster string `json:"cluster,omitempty"`
	Name    string `json:"name"`
	Pods    int    `json:"pods"`
	// AtLeast: there may be more pods than Pods says. Outdated: or fewer, or the node may take more or fewer.
	AtLeast     bool    `json:"atLeast,omitempty"`
	Outdated    bool    `json:"outdated,omitempty"`
	Allocatable int     `json:"allocatable"`
	Use         Percent `json:"use"`

	pods, allocatable amount
	use               *taken
}

// Of writes how full the node is: 7+ of 58 pods.
func (f Fullest) Of() string { return fmt.Sprintf("%s of %s pods", f.pods, f.allocatable) }

// More marks a percentage that may be too low.
func (f Fullest) More() string {
	if f.AtLeast {
		return "+"
	}
	return ""
}

// Above are the nodes that are certainly fuller than a share.
type Above struct {
	// Nodes is how many they are; More: there may be others.
	Nodes int
	More  bool
	// Fullest of them, nil where there is none.
	Fullest *Fullest
}

// Above finds the nodes that are fuller than a share in percent. One that was so earlier may not be so any more.
func (s NodeSummary) Above(percent float64) Above {
	each := make([]amount, len(s.uses))
	for i, uses := range s.uses {
		for _, u := range uses {
			switch {
			case u == nil || u.old:
				each[i].more = true
			case float64(u.percent) > percent:
				each[i].n++
			case u.more:
				each[i].more = true
			}
		}
	}
	all := s.mayBeOne.total(each)
	above := Above{Nodes: all.n, More: all.more}
	if all.n > 0 {
		above.Fullest = s.certain
	}
	return above
}

func fuller(best *Fullest, i NodeItem) *Fullest {
	if i.use == nil || i.pods.n == 0 || best != nil && i.use.percent <= best.Use {
		return best
	}
	return &Fullest{i.Cluster, i.Name, i.pods.n, i.pods.atLeast() && !i.use.old, i.use.old, i.allocatable.n, i.use.percent, i.pods, i.allocatable, i.use}
}

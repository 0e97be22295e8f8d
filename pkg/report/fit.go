package report

import (
	"time"

	"github.com/fluxtune/kubectl-fluxtune/pkg/fit"
	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// PlanFit is what fitted intervals come to. In a checkout it is of all its clusters together.
type PlanFit struct {
	Shares []PlanShare `json:"shares"`
	// Sources is how many were fitted, RequestsPerHour what they ask together.
	Sources         int     `json:"sources"`
	RequestsPerHour float64 `json:"requestsPerHour"`
	// Wait is the mean wait from a commit to the poll that finds it, over the commits that are expected, WaitNow with the intervals that are there. UniformWait is
	// the same with one interval for all at which no share gets more: UniformInterval, as far as the bounds of the policy allow it; "" where each share allows another.
	Wait            string `json:"wait"`
	WaitNow         string `json:"waitNow"`
	UniformWait     string `json:"uniformWait"`
	UniformInterval string `json:"uniformInterval"`
	// Evidence counts the sources by where it is known from how often they change: file, webhook, pin, git, history,
	// artifact or nothing.
	Evidence map[string]int `json:"evidence"`
	// Unfitted counts what asks hosts and was not fitted, by why: a reason of items, or KindNotFitted (no source), NoShare (it
	// counts to none) or NotAskedFor.
	Unfitted map[string]int `json:"unfitted,omitempty"`
	// Quiet counts the sources that nobody waits for; they get the longest of their bound.
	Quiet int `json:"quiet"`
	// Failing counts what fails and counts to the shares as if it was mended; the costs count its back-off.
	Failing int `json:"failing,omitempty"`
	// Undone counts what counts to the shares with what it asks once its changes are undone; the costs count it as planned.
	Undone int `json:"undone,omitempty"`
	// Kept says that the intervals stay as they are, since with the best ones BestWait would be hardly shorter than Wait. Then
	// only the sources change that nobody waits for, and those that have another interval than most of their equals: Changed.
	Kept     bool   `json:"kept,omitempty"`
	Changed  int    `json:"changed"`
	BestWait string `json:"bestWait"`
}

// PlanShare is what a host, or a credential of one, may get and gets, in requests per hour.
type PlanShare struct {
	Host       string  `json:"host"`
	Credential string  `json:"credential,omitempty"`
	Percent    float64 `json:"percent"`
	Limit      float64 `json:"limit"`
	Allowed    float64 `json:"allowed"`
	Used       float64 `json:"used"`
	// Fixed is the part of Used that comes from what is not fitted.
	Fixed   float64 `json:"fixed"`
	Sources int     `json:"sources"`
	// Idle says that nothing that was chosen counts to it: however much it gets, the others are fitted without it.
	Idle bool `json:"idle,omitempty"`
}

// PlanItemFit is what a fitted interval was chosen by.
type PlanItemFit struct {
	Interval string `json:"interval"`
	// Min and Max are the ends between which it was chosen.
	Min string `json:"min"`
	Max string `json:"max"`
	// CommitsPerHour that are expected; Evidence says where that is known from, Changes and Window what was seen.
	CommitsPerHour float64 `json:"commitsPerHour"`
	Evidence       string  `json:"evidence"`
	Changes        int     `json:"changes,omitempty"`
	Window         string  `json:"window,omitempty"`
	// Of is another source with the same URL and ref, where all this is known of that one; absent where it is known of this one.
	Of string `json:"of,omitempty"`

	activity string
}

// WithFit adds what fitted intervals come to, and what each was chosen by; nothing where none were fitted. At is the place
// among the clusters that were fitted together of each by its name, of "" where there is one.
func (p Plan) WithFit(f *fit.Fitting, at map[string]int) Plan {
	if f == nil {
		return p
	}
	p.Summary.Fit = &PlanFit{
		Shares: []PlanShare{}, Sources: f.Sources, RequestsPerHour: round2(f.Requests),
		Wait: wait(f.Wait), WaitNow: wait(f.Before), UniformWait: wait(f.UniformWait), Evidence: map[string]int{}, Quiet: f.Quiet, Failing: f.Failing, Undone: f.Undone,
		Kept: f.Kept, Changed: f.Changed, BestWait: wait(f.Best),
	}
	if f.Uniform > 0 {
		p.Summary.Fit.UniformInterval = wait(f.Uniform)
	}
	for _, s := range f.Shares {
		p.Summary.Fit.Shares = append(p.Summary.Fit.Shares, PlanShare{s.Host, s.Credential, s.Percent, s.Limit, s.Allowed, round2(s.Used), round2(s.Fixed), s.Sources, s.Idle})
	}
	for from, n := range f.Evidence {
		p.Summary.Fit.Evidence[string(from)] = n
	}
	for reason, n := range f.Unfitted {
		if p.Summary.Fit.Unfitted == nil {
			p.Summary.Fit.Unfitted = map[string]int{}
		}
		p.Summary.Fit.Unfitted[string(reason)] = n
	}
	for i := range p.Items {
		c, fitted := f.Choices[at[p.Items[i].object.Cluster]][p.Items[i].object.Ref]
		if !fitted {
			continue
		}
		p.Items[i].Fit = &PlanItemFit{
			Interval: flux.FormatDuration(c.Interval), Min: flux.FormatDuration(c.Min), Max: flux.FormatDuration(c.Max),
			CommitsPerHour: c.Activity.PerHour, Evidence: string(c.Activity.From), Changes: c.Activity.Changes, Of: c.Of, activity: c.Why(),
		}
		if c.Activity.Window > 0 {
			p.Items[i].Fit.Window = flux.FormatDuration(c.Activity.Window.Round(time.Minute))
		}
	}
	return p
}

// why says how often the source changes.
func (f *PlanItemFit) why() string {
	if f == nil {
		return ""
	}
	return f.activity
}

// wait writes a wait to the second: "1m12s".
func wait(d time.Duration) string { return flux.FormatDuration(d.Round(time.Second)) }

// round2 leaves two digits behind the point: more is noise.
func round2(f float64) float64 { return float64(int64(f*100+0.5)) / 100 }

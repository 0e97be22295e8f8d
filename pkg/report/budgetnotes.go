package report

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/fluxtune/kubectl-fluxtune/pkg/budget"
	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// budgetNotes say what the numbers mean, each once and only where it concerns somebody.
func budgetNotes(b budget.Budget) []string {
	notes := []string{}
	for _, h := range b.Hosts {
		if h.Limit != nil && budget.IsYardstick(h.Name, *h.Limit) {
			notes = append(notes, "5,000/h is GitHub's limit for its REST API. Git traffic is not REST and does not count against it, and GitHub publishes no hourly limit for it: "+
				"take the share as a cautious yardstick, or set your own (--limit github.com=15000/h).")
		}
	}
	notes = append(notes, othersNotes(b.Hosts)...)
	if plansForOwners(b) {
		notes = append(notes, plannedNote)
	}
	notes = append(notes, undecidedNotes(b)...)
	notes = append(notes, burstNotes(b)...)
	if b.Partial && len(b.Hosts) > 0 {
		notes = append(notes, partialNote)
	}
	if b.Beyond && len(b.Hosts) > 0 {
		notes = append(notes, beyondNote)
	}
	if b.APIServer.Kustomizations > 0 {
		notes = append(notes, "A shorter Kustomization interval does not bring commits any sooner: the source's interval does, since a new revision is applied at once. "+
			"What it buys is that drift is corrected sooner, and it is paid for in requests to the kube-apiserver.")
	}
	for _, note := range []string{rolloutsNote(b), webhookNote(b), uncalledNote(b), failingNote(b), includesNote(b), redirectsNote(b), restNote(b), scheduledNote(b), statusesNote(b), assumptionsNote(b)} {
		if note != "" {
			notes = append(notes, note)
		}
	}
	if len(b.Defaults) > 0 {
		notes = append(notes, fmt.Sprintf("The flags of %s were not read: their defaults are assumed (workers, %d%% jitter).", enumerate(b.Defaults), b.JitterPercent))
	}
	return notes
}

// burstNotes say what the host with the most requests gets when all is due at once, and what clones transfer.
func burstNotes(b budget.Budget) []string {
	var notes []string
	const worthANote = 50 // requests
	if len(b.Hosts) > 0 && b.Hosts[0].Polls.Requests >= worthANote {
		h := b.Hosts[0]
		restart, pods := "a restart of the controllers", "from a new source-controller pod, which has no artifacts"
		if n := clustersOf(b, h.Name); n > 1 {
			restart = fmt.Sprintf("a restart of the controllers of %d clusters", n)
			pods = fmt.Sprintf("from %d new source-controller pods, one in each of %[1]d clusters, which have no artifacts", n)
		}
		notes = append(notes, fmt.Sprintf("When all is due at once (%s, a policy applied without a pace), %s gets up to %s requests/s on %s, for %s; %s, "+
			"%s requests in all%s, for %s. Fewer workers (--concurrent) lower that and make it last; jitter spreads only what comes after%s.",
			restart, cmp.Or(h.Name, "<no host>"), rate(h.Polls.PerSecond), count(h.Polls.Connections, "connection"), about(h.Polls.Lasts), pods, rate(h.Fetches.Requests), atLeast(h.Fetches.AtLeast), about(h.Fetches.Lasts), withoutJitter(h)))
	}
	if len(b.Fetched) > 0 {
		var parts []string
		for _, host := range slices.Sorted(maps.Keys(b.Fetched)) {
			parts = append(parts, fmt.Sprintf("%s (%s requests%s)", cmp.Or(host, "<no host>"), rate(b.Fetched[host].Requests), atLeast(b.Fetched[host].AtLeast)))
		}
		notes = append(notes, "Nothing polls these hosts, and a new source-controller pod, which has no artifacts, fetches from them: "+enumerate(parts)+".")
	}
	if note := scansNote(b); note != "" {
		notes = append(notes, note)
	}
	if note := clonesNote(b.Cloning()); note != "" {
		notes = append(notes, note)
	}
	return notes
}

// clonesNote says what clones transfer, though nothing changes.
func clonesNote(c budget.Cloning) string {
	if c.Clones == (budget.Rates{}) {
		return ""
	}
	size := ""
	const worthTelling = 1e5 // bytes
	if max(c.Bytes.Now, c.Bytes.Planned) >= worthTelling {
		size = fmt.Sprintf(", about %s MB/h", megabytes(c.Bytes).Text)
		if c.Unsized > 0 {
			size = fmt.Sprintf(", at least %s MB/h (the size of %s is not known)", megabytes(c.Bytes).Text, count(c.Unsized, "object"))
		}
	}
	return fmt.Sprintf("%s clones/h while nothing changes%s: semver fetches the newest commit of every branch and tag, commit the whole history, each time. A branch or tag only lists the repository's refs, all of them.", rates(c.Clones).Text, size)
}

// scansNote says what a new pod of image-reflector-controller asks, where that is much.
func scansNote(b budget.Budget) string {
	var parts []string
	for _, h := range b.Hosts {
		if h.Scans.Requests >= 50 {
			parts = append(parts, fmt.Sprintf("%s (%s requests at least, up to %s/s)", cmp.Or(h.Name, "<no host>"), rate(h.Scans.Requests), rate(h.Scans.PerSecond)))
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return "A new image-reflector-controller pod, which knows no tags, scans all ImageRepositories at once, at " + enumerate(parts) + "; one that only starts again, or another interval, scans what is due."
}

// redirectsNote says which URLs make each poll two requests.
func redirectsNote(b budget.Budget) string {
	n := 0
	for _, item := range b.Items {
		if item.Cost.Redirected && item.Requests != (budget.Rates{}) {
			n++
		}
	}
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("%s polled at a URL of GitLab without .git at its end, which GitLab answers with a redirect each time: add .git, and a poll is one request and not two.", are(n, "object"))
}

// withoutJitter says of a host that image controllers ask that these have none.
func withoutJitter(h budget.Host) string {
	if slices.ContainsFunc(h.Protocols, func(p budget.ProtocolLoad) bool { return p.Protocol == budget.Image }) {
		return ", and the image controllers have none: what they ask together comes together again"
	}
	return ""
}

// partialNote and beyondNote say what is counted nowhere.
const (
	partialNote = "Not all objects were read: what else polls these hosts comes on top of what they are said to get (-A, or -f without --root, reads all that may be read; --env and -l choose among them)."
	beyondNote  = "Other clusters are not counted: what they ask of these hosts comes on top (--contexts and --all-contexts add clusters up)."
)

// plannedNote says what a budget plans that a plan would not.
const plannedNote = "planned counts also what plan leaves to its owners: so its sums differ"

// undecidedNotes say of how many objects the interval is not known, so that they count nothing.
func undecidedNotes(b budget.Budget) []string {
	n := 0
	for _, i := range b.Items {
		if i.Interval.Now <= 0 && i.Object.Undecided(flux.Interval) {
			n++
		}
	}
	if n == 0 {
		return nil
	}
	return []string{fmt.Sprintf("Not counted, since the interval is a variable that is not known here: %s.", count(n, "object"))}
}

// plansForOwners tells whether something else than was read is planned for objects that others apply.
func plansForOwners(b budget.Budget) bool {
	return slices.ContainsFunc(b.Items, func(item budget.Item) bool {
		_, owned := item.Object.Owner()
		return owned && item.Requests.Now != item.Requests.Planned
	})
}

// clustersOf counts the clusters that ask a host.
func clustersOf(b budget.Budget, host string) int {
	clusters := map[string]bool{}
	for _, item := range b.Items {
		if item.Address.Host == host && item.Cost.Protocol != "" {
			clusters[item.Object.Cluster] = true
		}
	}
	return len(clusters)
}

func atLeast(is bool) string {
	if is {
		return " at least"
	}
	return ""
}

// webhookNote says which polling is hardly needed.
func webhookNote(b budget.Budget) string {
	if b.Webhooks.Sources == 0 {
		return ""
	}
	sources, each := fmt.Sprintf("%d sources have", b.Webhooks.Sources), "them"
	if b.Webhooks.Sources == 1 {
		sources, each = "1 source has", "it"
	}
	return fmt.Sprintf("%s a Receiver, so a webhook brings its commits at once. Polling %s (%s requests/h) can be relaxed to what a lost webhook may cost, 10m or more.",
		sources, each, rates(b.Webhooks.Requests).Text)
}

// uncalledNote says that Receivers do not count, since nothing shows that hosts call them.
func uncalledNote(b budget.Budget) string {
	const more = " (receivers tells more)."
	switch n := b.Webhooks.Uncalled; n {
	case 0:
		return ""
	case 1:
		return "1 source has a Receiver, and it is not known whether its host calls that: it counts as polled" + more
	default:
		return fmt.Sprintf("%d sources have a Receiver, and it is not known whether their hosts call that: they count as polled%s", n, more)
	}
}

func enumerate(names []string) string {
	text := names[0]
	for i, name := range names[1:] {
		if i == len(names)-2 {
			text += " and " + name
			continue
		}
		text += ", " + name
	}
	return text
}

// failingNote says what is counted for objects that are not ready.
func failingNote(b budget.Budget) string {
	var parts []string
	if n := b.Failing.BackOff; n > 0 {
		parts = append(parts, fmt.Sprintf("%s failing and tried again in back-off, whatever the interval is: each time after twice as long as before, from --min-retry-delay to --max-retry-delay of the controllers (750ms and 15m by default)", are(n, "object")))
	}
	if n := b.Failing.Retrying; n > 0 {
		parts = append(parts, fmt.Sprintf("%s failing and tried again at the retry interval", are(n, "object")))
	}
	if n := b.Failing.Waiting; n > 0 {
		parts = append(parts, fmt.Sprintf("%s waiting for others and looks again every --requeue-dependency (30s by default)", are(n, "object")))
	}
	if n := b.Failing.Stopped; n > 0 {
		parts = append(parts, fmt.Sprintf("%s stalled and counted with nothing", are(n, "object")))
	}
	if len(parts) == 0 {
		return ""
	}
	return fmt.Sprintf("%s. As things are that makes %s requests/h to hosts; if all was well, it would be %s.",
		strings.Join(parts, "; "), rates(b.Failing.Requests).Text, rates(b.Failing.Mended).Text)
}

func are(n int, what string) string {
	if n == 1 {
		return "1 " + what + " is"
	}
	return fmt.Sprintf("%d %ss are", n, what)
}

// rolloutsNote says what comes on top of the latencies: Flux remembers hardly any rollout.
func rolloutsNote(b budget.Budget) string {
	if b.Rollouts == 0 {
		return ""
	}
	wait := fmt.Sprintf("%d objects wait", b.Rollouts)
	if b.Rollouts == 1 {
		wait = "1 object waits"
	}
	return wait + " until what is applied is healthy (spec.wait, healthChecks, Helm), and status.history keeps hardly any of these times: from commit to applied counts what it " +
		"tells, mostly how long it took to find nothing new, and 1s of a HelmRelease. A longer rollout comes on top, also at worst."
}

func includesNote(b budget.Budget) string {
	switch b.Includes {
	case 0:
		return ""
	case 1:
		return "1 GitRepository includes others (spec.include) without watching them: at worst a commit there waits for both intervals, also where a webhook announces it."
	default:
		return fmt.Sprintf("%d GitRepositories include others (spec.include) without watching them: at worst a commit there waits for both intervals, also where a webhook announces it.", b.Includes)
	}
}

// restNote is about hosts whose limit really is for what they are asked.
func restNote(b budget.Budget) string {
	for _, h := range b.Hosts {
		for _, p := range h.Protocols {
			if p.Protocol == budget.REST {
				return "What is asked by REST counts against the host's limit for its API (5,000/h for a user at GitHub), which all that use the same credential share. " +
					"Tokens of GitHub Apps come on top and are not counted." + anonymousREST(b)
			}
		}
	}
	return ""
}

// anonymousREST says of what GitHub is asked without a credential that it has a limit of its own (docs.github.com, "Rate limits
// for the REST API": "Primary rate limit for unauthenticated users"); "" where nothing asks so.
func anonymousREST(b budget.Budget) string {
	for _, c := range b.Credentials {
		if c.Host == budget.GitHubREST && c.Secret == "" && c.Provider == "" {
			return fmt.Sprintf(" %s gets %s requests/h without a credential: GitHub allows such only 60/h for each address, and not 5,000 (spec.secretRef).", c.Host, rates(c.Requests).Text)
		}
	}
	return ""
}

// scheduledNote counts what asks, and nobody knows how often.
func scheduledNote(b budget.Budget) string {
	switch b.Scheduled {
	case 0:
		return ""
	case 1:
		return "1 ResourceSetInputProvider asks by its spec.schedule, and not at an interval: it is counted with nothing."
	default:
		return fmt.Sprintf("%d ResourceSetInputProviders ask by their spec.schedule, and not at an interval: they are counted with nothing.", b.Scheduled)
	}
}

// statusesNote says what commit statuses cost, and why a Kustomization's interval counts for them.
func statusesNote(b budget.Budget) string {
	alerts, requests := 0, budget.Rates{}
	for _, item := range b.Items {
		if item.Object.Kind == flux.AlertKind && item.Requests != (budget.Rates{}) {
			alerts++
			requests.Now, requests.Planned = requests.Now+item.Requests.Now, requests.Planned+item.Requests.Planned
		}
	}
	if alerts == 0 {
		return ""
	}
	have := "1 Alert has"
	if alerts > 1 {
		have = fmt.Sprintf("%d Alerts have", alerts)
	}
	return fmt.Sprintf("%s commit statuses written: %s requests/h by REST, since each reconcile of a Kustomization that an Alert names asks for the statuses of its commit, "+
		"also where nothing is new (what is new takes one more). Shorter Kustomization intervals multiply them.", have, rates(requests).Text)
}

// assumptionsNote names what is taken for granted.
func assumptionsNote(b budget.Budget) string {
	registries, more := false, 0
	for _, item := range b.Items {
		if item.Requests == (budget.Rates{}) {
			continue
		}
		registries = registries || item.Cost.Protocol == budget.OCI || item.Cost.Protocol == budget.Image
		if item.Cost.AtLeast {
			more++
		}
	}
	note := "Assumed: polls find nothing new."
	if registries {
		note += " A registry hands out a token for each question, which makes 3 requests of one."
	}
	switch {
	case more == 1:
		note += " 1 object asks at least what is counted: how many submodules, signatures or pages there are, and whether a bucket has a .sourceignore, is not known; one is counted, and no .sourceignore."
	case more > 1:
		note += fmt.Sprintf(" %d objects ask at least what is counted: how many submodules, signatures or pages there are, and whether buckets have a .sourceignore, is not known; one is counted for each, and no .sourceignore.", more)
	}
	return note
}

// NotCounted adds a note about resources that may cost something, too, and could not be read.
func (b *Budget) NotCounted(unread []string) {
	if len(unread) == 0 {
		return
	}
	b.Notes = append(b.Notes, fmt.Sprintf("Not counted, since they could not be read: %s.", strings.Join(unread, "; ")))
}

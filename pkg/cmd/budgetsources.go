package cmd

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/fluxtune/kubectl-fluxtune/pkg/budget"
	"github.com/fluxtune/kubectl-fluxtune/pkg/cluster"
	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

// httpTimeout bounds one request to a metrics URL or to GitHub.
const httpTimeout = 30 * time.Second

// newHTTPClient asks nobody but whom the user names: the token would go along to where an answer leads.
func newHTTPClient() *http.Client {
	return &http.Client{Timeout: httpTimeout, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// ObserveFlags say where the controllers' metrics are.
type ObserveFlags struct {
	Observe     bool
	ObserveFor  time.Duration
	MetricsURLs []string
}

// ObserveOptions are what reading metrics needs.
type ObserveOptions struct {
	Pods        bool
	MetricsURLs []string
	// Window between two readings; 0 takes the mean since the controllers started.
	Window time.Duration
	HTTP   *http.Client
	now    func() time.Time
}

func (f *ObserveFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.BoolVar(&f.Observe, "observe", false, "Show what the controllers' metrics say beside what is predicted; reads them from their pods through the API server's proxy.")
	flags.StringArrayVar(&f.MetricsURLs, "metrics-url", nil, "Read the metrics of a controller from this URL instead: http://localhost:8080/metrics (may be repeated).")
	flags.DurationVar(&f.ObserveFor, "observe-for", 0, "Read the metrics twice, this long apart, instead of taking the mean since the controllers started: 5m.")
	for _, name := range []string{"metrics-url", "observe-for"} {
		_ = cmd.RegisterFlagCompletionFunc(name, cobra.NoFileCompletions)
	}
}

func (f ObserveFlags) toOptions(r *root) (ObserveOptions, error) {
	o := ObserveOptions{Window: f.ObserveFor, HTTP: newHTTPClient(), now: r.Now}
	for _, text := range f.MetricsURLs {
		u, err := url.Parse(text)
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			return o, fmt.Errorf("--metrics-url %q is not a URL: write it like http://localhost:8080/metrics", flux.ShownURL(text))
		}
		if u.Path == "" || u.Path == "/" {
			u.Path = "/metrics"
		}
		o.MetricsURLs = append(o.MetricsURLs, u.String())
	}
	// A URL takes the place of the pods, unless both are asked for.
	o.Pods = f.Observe || f.ObserveFor > 0 && len(f.MetricsURLs) == 0
	return o, nil
}

// observe reads metrics, where they are asked for. A URL that does not answer is an error, since
// somebody named it; pods that do not answer are gaps.
func (o ObserveOptions) observe(ctx context.Context, client *cluster.Client, deployments []cluster.Deployment) (map[flux.Ref]flux.Observation, []flux.Gap, error) {
	if !o.Pods && len(o.MetricsURLs) == 0 {
		return nil, nil, nil
	}
	earlier, gaps, err := o.readMetrics(ctx, client, deployments)
	if err != nil || o.Window == 0 {
		return cluster.Observe(nil, earlier), gaps, err
	}
	select {
	case <-ctx.Done():
		return nil, nil, ctx.Err()
	case <-time.After(o.Window):
	}
	later, gaps, err := o.readMetrics(ctx, client, deployments)
	return cluster.Observe(earlier, later), gaps, err
}

func (o ObserveOptions) readMetrics(ctx context.Context, client *cluster.Client, deployments []cluster.Deployment) (found []cluster.Reconciles, gaps []flux.Gap, err error) {
	for _, u := range o.MetricsURLs {
		r, err := cluster.FetchMetrics(ctx, o.HTTP, u, o.now)
		if err != nil {
			return nil, nil, fmt.Errorf("--metrics-url: %w", err)
		}
		found = append(found, r)
	}
	if !o.Pods {
		return found, nil, nil
	}
	if len(deployments) == 0 {
		return found, []flux.Gap{{What: "the controllers' metrics", Why: "none of their Deployments was found: forward their ports and use --metrics-url"}}, nil
	}
	pods, gaps := client.PodMetrics(ctx, deployments, o.now)
	if len(pods)+len(gaps) == 0 {
		gaps = []flux.Gap{{What: "the controllers' metrics", Why: "none of their pods is running: what is shown is predicted"}}
	}
	return append(found, pods...), gaps, nil
}

// GitHubFlags say whether and how to ask GitHub.
type GitHubFlags struct {
	RateLimit bool
	TokenEnv  string
	APIURL    string
}

// GitHubOptions are what asking GitHub needs.
type GitHubOptions struct {
	AskGitHub   bool
	GitHubAPI   string
	GitHubToken string
}

const gitHubAPI = "https://api.github.com"

func (f *GitHubFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.BoolVar(&f.RateLimit, "github-rate-limit", false, "Ask GitHub how much of its REST limit a token has used; takes --github-token-env.")
	flags.StringVar(&f.TokenEnv, "github-token-env", "", "The name of the environment variable with the token for --github-rate-limit.")
	flags.StringVar(&f.APIURL, "github-api-url", gitHubAPI, "The base URL of GitHub's REST API; https://HOST/api/v3 for GitHub Enterprise Server.")
	_ = cmd.RegisterFlagCompletionFunc("github-token-env", cobra.FixedCompletions([]string{"GITHUB_TOKEN", "GH_TOKEN"}, noFiles))
	_ = cmd.RegisterFlagCompletionFunc("github-api-url", cobra.NoFileCompletions)
}

func (f GitHubFlags) toOptions(r *root) (GitHubOptions, error) {
	o := GitHubOptions{AskGitHub: f.RateLimit, GitHubAPI: f.APIURL}
	if !f.RateLimit {
		if f.TokenEnv != "" {
			return o, fmt.Errorf("--github-token-env is for --github-rate-limit: give both")
		}
		return o, nil
	}
	if f.TokenEnv == "" {
		return o, fmt.Errorf("--github-rate-limit takes a token: name the environment variable that holds it (--github-token-env GITHUB_TOKEN)")
	}
	u, err := url.Parse(f.APIURL)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return o, fmt.Errorf("--github-api-url %q is not a URL: write it like https://github.example.com/api/v3", flux.ShownURL(f.APIURL))
	}
	if u.Scheme == "http" && !isLoopback(u.Hostname()) {
		return o, fmt.Errorf("--github-api-url %q: a token is not sent without TLS: use https", flux.ShownURL(f.APIURL))
	}
	if o.GitHubToken = r.Getenv(f.TokenEnv); o.GitHubToken == "" {
		return o, fmt.Errorf("--github-token-env: the environment variable %q is empty: export it with a token", f.TokenEnv)
	}
	return o, nil
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// selector matches labels as the API server would.
func selector(text string) (func(map[string]string) bool, error) {
	s, err := labels.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("--selector %q: %w", text, err)
	}
	return func(l map[string]string) bool { return s.Matches(labels.Set(l)) }, nil
}

// arriving are items with the changes that reach the cluster: of files, those below a suspended Kustomization, say, do not,
// and make nothing cheaper or faster.
func (f fleet) arriving(items []tune.Item) []tune.Item {
	if f.options.Files == nil {
		return items
	}
	items = slices.Clone(items)
	for i, item := range items {
		items[i].Changes = slices.DeleteFunc(slices.Clone(item.Changes), func(c tune.Change) bool { return !f.arrives(item.Object, c.Field) })
		if len(items[i].Changes) == 0 && item.Action == tune.ActionChange {
			items[i].Action = tune.ActionUnchanged
		}
	}
	return items
}

// arrives tells whether what files say of a field reaches the cluster.
func (f fleet) arrives(object flux.Object, field flux.Field) bool {
	return f.options.Files == nil || f.kept[object.Ref] == "" && f.options.Files.fleet().HeldOrSuspended(object.Ref, field) == ""
}

// budget is what a plan costs and buys. Now tells how long what fails has been failing.
func (f fleet) budget(plan tune.Plan, now time.Time) budget.Budget {
	p := f.options.Policy
	plan.Items = f.arriving(plan.Items)
	in := budget.Input{Items: plan.Items, Limits: budget.NewLimits(p.Limits, nil), Environments: p.EnvironmentNames(), Now: now, Partial: f.partial(), Beyond: f.options.beyond, Notifiers: f.snapshot.Notifiers,
		Controllers: f.controllers()}
	if len(plan.Items) < len(f.snapshot.Objects)+len(f.snapshot.Related) {
		planned := make(map[flux.Ref]bool, len(plan.Items))
		for _, item := range plan.Items {
			planned[item.Object.Ref] = true
		}
		for object := range f.snapshot.All() {
			if !planned[object.Ref] {
				planned[object.Ref] = true
				in.Others = append(in.Others, tune.Item{Object: *object})
			}
		}
	}
	return budget.New(in)
}

// partial tells whether anything may ask the same hosts that was not asked for, or could not be read.
func (f fleet) partial() bool {
	unbuilt := f.options.Files != nil && slices.ContainsFunc(f.snapshot.Gaps, func(g flux.Gap) bool { return !g.Harmless && !g.NotFound })
	return f.options.partial() || unbuilt || len(f.unread()) > 0
}

// partial tells whether objects were not asked for that may poll the same hosts.
func (o FleetOptions) partial() bool {
	part := func(s cluster.Selection) bool {
		return s.Namespace != "" || s.LabelSelector != "" && !o.costing || len(s.Kinds)+len(s.Names) > 0
	}
	if o.Files != nil {
		return o.Files.named && len(o.Files.chosen) == len(o.Files.fleets)
	}
	return part(o.Selection) || slices.ContainsFunc(o.clusters, func(c clusterOptions) bool { return part(c.selection) })
}

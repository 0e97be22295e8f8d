package cluster

import (
	"github.com/fluxtune/kubectl-fluxtune/pkg/sorting"

	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/util/version"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// Deployment is one Deployment of a Flux controller: what it was told by its flags, and where its pods
// are.
type Deployment struct {
	Namespace, Name string
	// Version of the Flux distribution that it belongs to, "v2.9.0"; "" where it bears none.
	Version string
	// Controller has the flags that the Deployment sets, and defaults for the others.
	Controller flux.Controller
	// Selector of its pods, and the port of their metrics.
	Selector    string
	MetricsPort int
}

// componentLabel is on every Deployment of a Flux distribution, and names the controller.
const (
	componentLabel     = "app.kubernetes.io/component"
	versionLabel       = "app.kubernetes.io/version"
	fluxNamespace      = "flux-system"
	defaultMetricsPort = 8080
	metricsPortName    = "http-prom"
)

// Controllers reads the Deployments of Flux's controllers from all namespaces, or from flux-system where
// that is all that is allowed. What could not be read is in the gap, and nil otherwise: the defaults
// stand in for it, so it is harmless.
func (c *Client) Controllers(ctx context.Context) ([]Deployment, *flux.Gap, error) {
	selector := componentLabel + " in (" + strings.Join(controllerNames(), ",") + ")"
	all := query{path: []string{"apis", "apps", "v1", "deployments"}, kind: "Deployment", labelSelector: selector}
	deployments, err := c.deployments(ctx, all)
	if apierrors.IsForbidden(err) {
		all.path = []string{"apis", "apps", "v1", "namespaces", fluxNamespace, "deployments"}
		forbidden := err
		if deployments, err = c.deployments(ctx, all); err == nil && len(deployments) == 0 {
			err = forbidden // they may run elsewhere
		}
	}
	switch {
	case err == nil:
		return deployments, nil, nil
	case unreachable(err) || ctx.Err() != nil:
		return nil, nil, fmt.Errorf("listing the controllers' Deployments: %w", err)
	default:
		return nil, &flux.Gap{What: "the controllers' Deployments", Why: err.Error(), Harmless: true}, nil
	}
}

// Notifiers reads the flags of the notification-controllers. Unread says why they are not known; "" where they are. The error
// says that the API server did not answer.
func (c *Client) Notifiers(ctx context.Context) (notifiers flux.Notifiers, unread string, err error) {
	q := query{path: []string{"apis", "apps", "v1", "deployments"}, kind: "Deployment", labelSelector: componentLabel + "=" + flux.NotificationController}
	found, err := list(ctx, c, q, decodeNotifier)
	if apierrors.IsForbidden(err) {
		q.path = []string{"apis", "apps", "v1", "namespaces", fluxNamespace, "deployments"}
		all := err
		if found, err = list(ctx, c, q, decodeNotifier); err == nil && len(found) == 0 {
			err = all
		}
	}
	switch {
	case err != nil && (unreachable(err) || ctx.Err() != nil):
		return nil, "", fmt.Errorf("listing notification-controller's Deployments: %w", err)
	case err != nil:
		return nil, "the flags of notification-controller could not be read", nil
	case len(found) == 0:
		return nil, "no Deployment of notification-controller was found, and so none of its flags", nil
	}
	return c.asOld(ctx, found)
}

// asOld takes --no-cross-namespace-refs for what it is worth: before 1.5, which brought spec.resourceFilter, notification-controller
// took it and looked at it for Alerts only (its CHANGELOG: "Enforce namespace check on receiver").
func (c *Client) asOld(ctx context.Context, found flux.Notifiers) (flux.Notifiers, string, error) {
	if !slices.ContainsFunc(found, func(n flux.Notifier) bool { return n.OneNamespace }) {
		return found, "", nil
	}
	enforces, err := c.SupportsResourceFilter(ctx)
	for i := range found {
		found[i].OneNamespace = found[i].OneNamespace && enforces
	}
	return found, "", err
}

func decodeNotifier(data []byte) (n flux.Notifier, err error) {
	var d deployment
	if err := json.Unmarshal(data, &d); err != nil {
		return n, fmt.Errorf("reading a Deployment: %w", err)
	}
	for _, c := range d.Spec.Template.Spec.Containers {
		args := slices.Concat(c.Command, c.Args)
		n.OneNamespace = n.OneNamespace || isSet("no-cross-namespace-refs", args)
		if isUnset("watch-all-namespaces", args) {
			n.Namespace = d.Metadata.Namespace
		}
		n.Version = cmp.Or(n.Version, imageVersion(c.Image, flux.NotificationController))
	}
	return n, nil
}

// imageVersion is the version that the tag of a controller's image tells: "1.9.2" of ghcr.io/fluxcd/notification-controller:v1.9.2;
// "" of another image, and where it has no tag.
func imageVersion(image, controller string) string {
	image, _, _ = strings.Cut(image, "@")
	name, tag, tagged := strings.Cut(image[strings.LastIndex(image, "/")+1:], ":")
	if !tagged || !strings.HasSuffix(name, controller) { // rebuilt ones have more before it
		return ""
	}
	return strings.TrimPrefix(tag, "v")
}

// isUnset tells whether a command line turns a switch off: --flag=false; the last one counts.
func isUnset(name string, args []string) bool {
	named := slices.ContainsFunc(args, func(arg string) bool { return strings.HasPrefix(arg, "--"+name) })
	return named && !isSet(name, args)
}

// isSet tells whether a command line sets a switch, as pflag reads them: --flag or --flag=true; the last one counts.
func isSet(name string, args []string) bool {
	set := false
	for _, arg := range args {
		flag, value, hasValue := strings.Cut(strings.TrimLeft(arg, "-"), "=")
		if !strings.HasPrefix(arg, "--") || flag != name {
			continue
		}
		on, err := strconv.ParseBool(value)
		set = !hasValue || err == nil && on
	}
	return set
}

func controllerNames() []string {
	var names []string
	for _, c := range flux.DefaultControllers() {
		names = append(names, c.Name)
	}
	return names
}

func (c *Client) deployments(ctx context.Context, q query) ([]Deployment, error) {
	found, err := list(ctx, c, q, decodeDeployment)
	sorting.By(found, func(a, b Deployment) int {
		return strings.Compare(a.Namespace+"/"+a.Name, b.Namespace+"/"+b.Name)
	})
	return found, err
}

// deployment is the part of a Deployment that matters here.
type deployment struct {
	Metadata struct {
		Name      string            `json:"name"`
		Namespace string            `json:"namespace"`
		Labels    map[string]string `json:"labels"`
	} `json:"metadata"`
	Spec struct {
		Selector struct {
			MatchLabels map[string]string `json:"matchLabels"`
		} `json:"selector"`
		Template struct {
			Spec struct {
				Containers []container `json:"containers"`
			} `json:"spec"`
		} `json:"template"`
	} `json:"spec"`
}

type container struct {
	Image   string   `json:"image"`
	Command []string `json:"command"`
	Args    []string `json:"args"`
	Ports   []struct {
		Name          string `json:"name"`
		ContainerPort int    `json:"containerPort"`
	} `json:"ports"`
}

func decodeDeployment(data []byte) (Deployment, error) {
	var d deployment
	if err := json.Unmarshal(data, &d); err != nil {
		return Deployment{}, fmt.Errorf("reading a Deployment: %w", err)
	}
	result := Deployment{Namespace: d.Metadata.Namespace, Name: d.Metadata.Name, Version: d.Metadata.Labels[versionLabel], MetricsPort: defaultMetricsPort}
	for _, known := range flux.DefaultControllers() {
		if known.Name == d.Metadata.Labels[componentLabel] {
			result.Controller = known
		}
	}
	result.Controller.Found = true
	for _, container := range d.Spec.Template.Spec.Containers {
		args := slices.Concat(container.Command, container.Args)
		readFlags(&result.Controller, args)
		result.Controller.OneNamespace = result.Controller.OneNamespace || isSet("no-cross-namespace-refs", args)
		if name := result.Controller.Name; name != "" {
			result.Controller.Version = cmp.Or(result.Controller.Version, imageVersion(container.Image, name))
		}
		if isUnset("watch-all-namespaces", args) {
			result.Controller.Namespace = d.Metadata.Namespace
		}
		for _, port := range container.Ports {
			if port.Name == metricsPortName {
				result.MetricsPort = port.ContainerPort
			}
		}
	}
	result.Controller.KeepsTimers = result.keepsTimers()
	var selector []string
	for key, value := range d.Spec.Selector.MatchLabels {
		selector = append(selector, key+"="+value)
	}
	slices.Sort(selector)
	result.Selector = strings.Join(selector, ",")
	return result, nil
}

// keepsTimers tells whether a controller is from before controller-runtime 0.23 (go.mod of kustomize-controller 1.7.3 and 1.8.0, of
// helm-controller 1.4.5 and 1.5.0), by the tag of its image, or else by the version of Flux that it belongs to. Where neither tells,
// it is taken for a newer one.
func (d Deployment) keepsTimers() bool {
	first := map[string]string{flux.KustomizeController: "1.8.0-0", flux.HelmController: "1.5.0-0"}[d.Controller.Name]
	if first == "" { // nothing waits for the others
		return false
	}
	v, err := version.ParseSemantic(d.Controller.Version)
	if err != nil {
		first = "2.8.0-0"
		v, err = version.ParseSemantic(d.Version)
	}
	return err == nil && v.LessThan(version.MustParseSemantic(first))
}

// readFlags takes the flags that matter from a command line, as pflag reads them: --flag=value or
// --flag value; the last one counts. What it cannot read leaves the default.
func readFlags(c *flux.Controller, args []string) {
	for i, arg := range args {
		name, value, hasValue := strings.Cut(strings.TrimLeft(arg, "-"), "=")
		if !strings.HasPrefix(arg, "--") {
			continue
		}
		if !hasValue && i+1 < len(args) {
			value = args[i+1]
		}
		switch name {
		case "concurrent":
			if n, err := strconv.Atoi(value); err == nil && n > 0 {
				c.Concurrent = n
			}
		case "interval-jitter-percentage":
			if n, err := strconv.ParseUint(value, 10, 8); err == nil && n < 100 {
				c.JitterPercent = int(n)
			}
		case "requeue-dependency":
			readDuration(&c.RequeueDependency, value)
		case "min-retry-delay":
			readDuration(&c.MinRetryDelay, value)
		case "max-retry-delay":
			readDuration(&c.MaxRetryDelay, value)
		case "watch-label-selector":
			c.Watches = value
		case "override-manager":
			if value != "" {
				c.Overrides = append(slices.Clone(c.Overrides), value)
			}
		case "feature-gates":
			for _, gate := range strings.Split(value, ",") {
				switch name, on, _ := strings.Cut(strings.TrimSpace(gate), "="); name {
				case "DefaultToRetryOnFailure":
					c.RetryOnFailure = strings.EqualFold(on, "true")
				case "CancelHealthCheckOnNewRevision":
					c.CancelsChecks = strings.EqualFold(on, "true")
				case "UseHelm3Defaults":
					c.Helm3Defaults = strings.EqualFold(on, "true")
				case "DisableCommitStatusEvent":
					c.TellsFailuresOnly = strings.EqualFold(on, "true")
				}
			}
		}
	}
}

func readDuration(d *time.Duration, value string) {
	if parsed, err := time.ParseDuration(value); err == nil && parsed > 0 {
		*d = parsed
	}
}

// MergeControllers makes one controller of the Deployments of each that watch the same objects: these add
// their workers up, and the longest jitter and waits and the oldest version count. Shards, which differ in what they watch
// (--watch-label-selector, --watch-all-namespaces=false), stay apart: one does not help another.
func MergeControllers(deployments []Deployment) []flux.Controller {
	var merged []flux.Controller
	for _, d := range deployments {
		i := slices.IndexFunc(merged, func(c flux.Controller) bool {
			return c.Name == d.Controller.Name && c.Watches == d.Controller.Watches && c.Namespace == d.Controller.Namespace
		})
		if i < 0 {
			merged = append(merged, d.Controller)
			continue
		}
		m := &merged[i]
		if d.Controller.Before(m.Version) {
			m.Version = d.Controller.Version
		}
		m.Concurrent += d.Controller.Concurrent
		m.JitterPercent = max(m.JitterPercent, d.Controller.JitterPercent)
		m.RequeueDependency = max(m.RequeueDependency, d.Controller.RequeueDependency)
		m.MinRetryDelay = max(m.MinRetryDelay, d.Controller.MinRetryDelay)
		m.MaxRetryDelay = max(m.MaxRetryDelay, d.Controller.MaxRetryDelay)
		m.Overrides = slices.Concat(m.Overrides, d.Controller.Overrides)
		m.RetryOnFailure = m.RetryOnFailure || d.Controller.RetryOnFailure
		m.KeepsTimers = m.KeepsTimers || d.Controller.KeepsTimers
		m.OneNamespace = m.OneNamespace && d.Controller.OneNamespace
		m.CancelsChecks = m.CancelsChecks || d.Controller.CancelsChecks
		m.Helm3Defaults = m.Helm3Defaults && d.Controller.Helm3Defaults
		m.TellsFailuresOnly = m.TellsFailuresOnly && d.Controller.TellsFailuresOnly
	}
	return merged
}

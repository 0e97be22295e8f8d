package cmd

import (
	"context"
	"slices"
	"strings"

	"github.com/fluxtune/kubectl-fluxtune/pkg/cluster"
	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/webhook"
)

// webhooks works out which of the objects that were asked for webhooks reach. It takes that Receivers were read wherever
// they are.
func (o FleetOptions) webhooks(f fleet, types map[string]webhook.HostType) webhook.Coverage {
	return webhook.New(o.webhookInput(f, types))
}

// webhookInput is what that is worked out from.
func (o FleetOptions) webhookInput(f fleet, types map[string]webhook.HostType) webhook.Input {
	in := webhook.Input{HostTypes: types, Notifiers: f.snapshot.Notifiers, Objects: f.all()}
	whole := o.whole()
	known := !slices.ContainsFunc(f.snapshot.Gaps, func(g flux.Gap) bool { return !g.Harmless || o.Files != nil })
	shown := make(map[flux.Ref]bool, len(f.objects))
	for _, object := range f.objects {
		shown[object.Ref] = true
	}
	in.Shown = func(object *flux.Object) bool { return shown[object.Ref] || shown[release(object)] }
	if o.Files != nil {
		in.Objects = flux.WithCharts(in.Objects) // no file holds those that helm-controller makes
	} else {
		in.Nowhere = !f.snapshot.Serves("Receiver")
		in.Unread = func(namespace string) string { return unreadReceivers(f.snapshot, namespace) }
	}
	in.Read = func(_, namespace string) bool {
		return known && (o.Files != nil || whole && (o.Selection.Namespace == "" || o.Selection.Namespace == namespace))
	}
	return in
}

// release is the HelmRelease that a HelmChart is made for; the zero Ref where it is made for none.
func release(o *flux.Object) flux.Ref {
	if !o.MadeChart() {
		return flux.Ref{}
	}
	kind, _ := flux.ParseKind("HelmRelease")
	return flux.Ref{Group: kind.Group, Kind: kind.Name, Namespace: o.Labels[kind.Group+"/namespace"], Name: o.Labels[kind.Group+"/name"]}
}

// whole tells whether all objects of some namespaces are asked for.
func (o FleetOptions) whole() bool {
	return o.Selection.LabelSelector == "" && len(o.Selection.Names)+len(o.Selection.Kinds) == 0
}

// unreadReceivers says why it is not known which Receivers notify what is in a namespace; "" where it is known. Those of
// other namespaces do not matter where notification-controller does not let them.
func unreadReceivers(s flux.Snapshot, namespace string) string {
	switch own := s.LookedFor(flux.Ref{Kind: "Receiver", Namespace: namespace}); {
	case s.LookedForAll("Receiver"), own && !s.Notifiers.Cross():
		return ""
	case own:
		return "the Receivers of other namespaces could not be read: what they notify is not known"
	default:
		return "the Receivers could not be read: what they notify is not known"
	}
}

// receiversMatter has the gaps of Receivers make the answer incomplete: what they notify is what is asked for.
func receiversMatter(gaps []flux.Gap) []flux.Gap {
	kind, _ := flux.ParseKind("Receiver")
	gaps = slices.Clone(gaps)
	for i, g := range gaps {
		unread := g.Unserved == "" && strings.HasPrefix(g.What, kind.Resource+" ")
		gaps[i].Harmless = g.Harmless && !unread
	}
	return gaps
}

// readReceivers adds those of all namespaces, where they count, and whether they, and Alerts, may name what is in another
// namespace than their own. What may not be read of them is a gap.
func (o FleetOptions) readReceivers(ctx context.Context, snapshot *flux.Snapshot) error {
	if o.receivers || o.fit != nil {
		for _, namespace := range []string{"", o.Selection.Namespace} {
			if err := o.readReceiversIn(ctx, snapshot, namespace); err != nil {
				return err
			}
		}
	}
	matters := o.receivers || o.fit != nil
	for object := range snapshot.All() {
		matters = matters || object.Kind == "Receiver" || object.Kind == "Alert"
	}
	if !matters || !snapshot.Serves("Receiver") && !snapshot.Serves("Alert") {
		return nil
	}
	notifiers, unread, err := o.Client.Notifiers(ctx)
	snapshot.Notifiers = notifiers
	if unread != "" {
		for object := range snapshot.All() {
			object.NoteUnsure("whether it may name another namespace is not known (--no-cross-namespace-refs): " + unread)
		}
	}
	return err
}

// readReceiversIn adds the Receivers of a namespace, or of all (""), unless they were read already, or were asked for there
// in vain.
func (o FleetOptions) readReceiversIn(ctx context.Context, snapshot *flux.Snapshot, namespace string) error {
	if snapshot.LookedFor(flux.Ref{Kind: "Receiver", Namespace: namespace}) && (namespace != "" || snapshot.LookedForAll("Receiver")) ||
		slices.Contains(snapshot.Tried, flux.Place{Kind: "Receiver", Namespace: namespace}) {
		return nil
	}
	kind, err := flux.ParseKind("Receiver")
	if err != nil {
		return err
	}
	found, err := o.Client.Read(ctx, cluster.Selection{Kinds: []flux.Kind{kind}, Namespace: namespace, Unlabelled: true})
	if err != nil {
		return err
	}
	snapshot.Relate(found.Objects)
	snapshot.Looked, snapshot.Tried = append(snapshot.Looked, found.Looked...), append(snapshot.Tried, found.Tried...)
	for _, gap := range found.Gaps {
		gap.Harmless = true
		snapshot.Gaps = append(snapshot.Gaps, gap)
	}
	return nil
}

package report

import (
	"time"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// ReceiverList is what receivers shows: which sources webhooks reach, the Receivers that there are, those that are
// missing, and those that should be other than they are.
type ReceiverList struct {
	Head
	// Items are the sources.
	Items     []ReceiverSource   `json:"items"`
	Receivers []ReceiverState    `json:"receivers"`
	Proposals []ReceiverProposal `json:"proposals"`
	// Kept are the other Receivers of the form that is proposed: they are as they should be.
	Kept []ReceiverProposal `json:"kept"`
	// Plans are commands that show what it would do to poll less often, for sources that a webhook announces. PlansLater are
	// those for sources that have no Receiver yet, or for which no call was seen: before, each commit would wait for the poll.
	Plans      []string `json:"plans"`
	PlansLater []string `json:"plansLater"`
	// PolicySets are what the policy has to be changed by, as --set takes it, so that the next plan leaves the sources of all
	// those plans as they are then, and those that a webhook announces and that are polled so seldom already.
	PolicySets []string        `json:"policySets"`
	Summary    ReceiverSummary `json:"summary"`
	Missing    []Missing       `json:"missing,omitempty"`
	Warnings   []string        `json:"warnings,omitempty"`

	all        []ReceiverProposal // proposed and kept, in the order in which they are written
	gone       []flux.Ref
	untaken    string
	now, later []relaxedPlan
}

// ReceiverSummary counts sources by state.
type ReceiverSummary struct {
	Sources   int `json:"sources"`
	Covered   int `json:"covered"`
	Broken    int `json:"broken"`
	Uncovered int `json:"uncovered"`
	Nothing   int `json:"nothing"`
	// Unknown are those of which it cannot be told whether a Receiver notifies them.
	Unknown int `json:"unknown"`
	// Suspect are those of the covered that seem not to be called for.
	Suspect int `json:"suspect"`
	// Problems of all Receivers.
	Problems int `json:"problems"`
}

// ReceiverSource is a source, and which Receivers notify it.
type ReceiverSource struct {
	Ref         Ref    `json:"ref"`
	Environment string `json:"environment"`
	// Interval that Flux polls at; empty where it does not.
	Interval string `json:"interval"`
	Host     string `json:"host,omitempty"`
	// Owner is whose it is at its host, as its address tells, in lower case.
	Owner string `json:"owner,omitempty"`
	// HostType is the make of the host, as --host-type takes it; absent where nobody there calls.
	HostType string `json:"hostType,omitempty"`
	// Guessed says that the make is taken from a part of the host's name, or from nothing.
	Guessed bool `json:"guessed,omitempty"`
	// State is covered, broken (a Receiver names it, and what is pushed does not reach it), uncovered, nothing (to call for)
	// or unknown (a filter cannot be told, or not all Receivers could be read; the message says which).
	State string `json:"state"`
	// Receivers that name it, as NAMESPACE/NAME.
	Receivers []string `json:"receivers"`
	// Suspect says that calls may not arrive; the message says what tells.
	Suspect bool     `json:"suspect,omitempty"`
	Message string   `json:"message,omitempty"`
	Notes   []string `json:"notes,omitempty"`
	// Called is when a webhook last had it reconciled, as far as its metadata tells; null where that is not known.
	Called *time.Time `json:"called"`
	// SourceChanged is when its artifact was last made.
	SourceChanged *time.Time `json:"sourceChanged"`
}

// ReceiverState is a Receiver, and what is wrong with it.
type ReceiverState struct {
	Ref       Ref    `json:"ref"`
	Type      string `json:"type"`
	Suspended bool   `json:"suspended"`
	Ready     string `json:"ready"`
	// Sources that it notifies, of those that were looked at.
	Sources  int               `json:"sources"`
	Problems []ReceiverProblem `json:"problems"`
	// Origin is what applies it again and again, and where that has it from; absent where nothing does.
	Origin string `json:"origin,omitempty"`
}

// ReceiverProblem is one thing that is wrong with a Receiver.
type ReceiverProblem struct {
	// Fault is one word, stable: notReady, suspended, noSuchObject, nothingMatches, otherNamespace, cannotBeNotified,
	// invalid, wrongType, noPushEvent, filteredOut, neverCalled or unverified.
	Fault   string `json:"fault"`
	Message string `json:"message"`
	Remedy  string `json:"remedy"`
}

// ReceiverOwner is somebody who has sources of a Receiver at its host, which calls only for what is yours.
type ReceiverOwner struct {
	Name         string   `json:"name"`
	Sources      int      `json:"sources"`
	Repositories []string `json:"repositories"`
}

// ReceiverProposal is a Receiver that is missing, or that should be other than it is, and what it takes beside its manifest.
type ReceiverProposal struct {
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	// Existing says that it is there: it keeps its name, its Secret and its path.
	Existing bool `json:"existing,omitempty"`
	// Added and Dropped are how many sources it names that the one which is there does not, and the other way round.
	Added   int `json:"added,omitempty"`
	Dropped int `json:"dropped,omitempty"`
	// ReplacedBy is the name of the Receiver that is for the same sources, since something else runs at the host than this one was
	// written for; Replaces is the same from that one's side. Both are there until somebody takes the old one out.
	ReplacedBy string `json:"replacedBy,omitempty"`
	Replaces   string `json:"replaces,omitempty"`
	// Origin is what applies the Receiver that is there, again and again, and where that has it from: it has to be changed there.
	// SourceOrigins are those of the sources of a missing one.
	Origin        string   `json:"origin,omitempty"`
	SourceOrigins []string `json:"sourceOrigins,omitempty"`
	// Unfiltered says that it has no filter, as the one that is there has none, though its host's calls tell enough for one.
	Unfiltered bool   `json:"unfiltered,omitempty"`
	Host       string `json:"host"`
	HostType   string `json:"hostType"`
	Guessed    bool   `json:"guessed,omitempty"`
	// Verifies is what notification-controller verifies of a call.
	Verifies string   `json:"verifies"`
	Sources  []string `json:"sources"` // KIND NAMESPACE/NAME
	// Owners are whose the sources are at the host, who has most of them first.
	Owners []ReceiverOwner `json:"owners"`
	// SecretCommand creates the Secret, TokenCommand prints the token, and PathCommand the path of the URL.
	SecretCommand string `json:"secretCommand"`
	TokenCommand  string `json:"tokenCommand,omitempty"`
	PathCommand   string `json:"pathCommand"`
	// Steps are what to enter at the host.
	Steps []string `json:"steps"`
	// Manifest of the Receiver.
	Manifest map[string]any `json:"manifest"`

	yaml    string
	title   string
	ref     flux.Ref
	inFile  [2]string // its namespace and name as they are written
	sources []flux.Ref
	choice  []flux.Ref // the sources by which it is chosen, with all that is new in it

	anywhere string     // yaml without a namespace
	standing string     // what its file has now
	also     []flux.Ref // that are made of the same manifest
	omitted  bool
}

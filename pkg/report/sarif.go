package report

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/url"
	"slices"

	"github.com/fluxtune/kubectl-fluxtune/pkg/check"
)

// SARIF is a log of the Static Analysis Results Interchange Format 2.1.0, as much of it as findings need
// (docs.oasis-open.org/sarif/sarif/v2.1.0).
type SARIF struct {
	Schema  string     `json:"$schema"`
	Version string     `json:"version"`
	Runs    []SARIFRun `json:"runs"`
}

// SARIFRun is one run of the tool.
type SARIFRun struct {
	Tool       SARIFTool     `json:"tool"`
	ColumnKind string        `json:"columnKind"`
	Results    []SARIFResult `json:"results"`
	// Invocations is one: it says whether all could be looked at.
	Invocations []SARIFInvocation `json:"invocations"`
}

// SARIFInvocation says how a run went (section 3.20 of the specification).
type SARIFInvocation struct {
	// ExecutionSuccessful is false where not all of the branch could be built.
	ExecutionSuccessful        bool                `json:"executionSuccessful"`
	ToolExecutionNotifications []SARIFNotification `json:"toolExecutionNotifications,omitempty"`
}

// SARIFNotification is something that a reader of the results should know of.
type SARIFNotification struct {
	Level   string    `json:"level"`
	Message SARIFText `json:"message"`
}

// SARIFTool is fluxtune.
type SARIFTool struct {
	Driver SARIFDriver `json:"driver"`
}

// SARIFDriver names the tool and its rules.
type SARIFDriver struct {
	Name           string      `json:"name"`
	Version        string      `json:"version,omitempty"`
	InformationURI string      `json:"informationUri"`
	Rules          []SARIFRule `json:"rules"`
}

// SARIFRule describes what results refer to.
type SARIFRule struct {
	ID                   string            `json:"id"`
	ShortDescription     SARIFText         `json:"shortDescription"`
	Help                 SARIFText         `json:"help"`
	DefaultConfiguration map[string]string `json:"defaultConfiguration"`
}

// SARIFText is a message.
type SARIFText struct {
	Text string `json:"text"`
}

// SARIFResult is one finding.
type SARIFResult struct {
	RuleID              string            `json:"ruleId"`
	RuleIndex           int               `json:"ruleIndex"`
	Level               string            `json:"level"`
	Message             SARIFText         `json:"message"`
	Locations           []SARIFLocation   `json:"locations,omitempty"`
	PartialFingerprints map[string]string `json:"partialFingerprints"`
	BaselineState       string            `json:"baselineState,omitempty"`
}

// SARIFLocation is a place in a file of the repository.
type SARIFLocation struct {
	PhysicalLocation SARIFPhysical `json:"physicalLocation"`
}

// SARIFPhysical is a region of a file.
type SARIFPhysical struct {
	ArtifactLocation SARIFArtifact `json:"artifactLocation"`
	Region           SARIFRegion   `json:"region"`
}

// SARIFArtifact is a file, relative to the top of the repository.
type SARIFArtifact struct {
	URI string `json:"uri"`
}

// SARIFRegion is where: from 1, columns in characters, the end exclusive.
type SARIFRegion struct {
	StartLine   int `json:"startLine"`
	StartColumn int `json:"startColumn"`
	EndColumn   int `json:"endColumn,omitempty"`
}

// SARIF is the check's findings in that format. Those of the base are marked as unchanged.
func (c BranchCheck) SARIF(version string) SARIF {
	run := SARIFRun{
		Tool:       SARIFTool{SARIFDriver{Name: "fluxtune", Version: version, InformationURI: "https://github.com/fluxtune/kubectl-fluxtune"}},
		ColumnKind: "unicodeCodePoints", Results: []SARIFResult{},
	}
	var ids []string
	for _, r := range check.Rules() {
		ids = append(ids, string(r.Rule))
		run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, SARIFRule{
			ID: string(r.Rule), ShortDescription: SARIFText{r.Short}, Help: SARIFText{r.Help}, DefaultConfiguration: map[string]string{"level": string(r.Level)},
		})
	}
	for _, f := range c.Findings {
		result := SARIFResult{RuleID: f.Rule, RuleIndex: slices.Index(ids, f.Rule), Level: f.Level, Message: SARIFText{f.Message}}
		result.PartialFingerprints = map[string]string{"fluxtune/v1": fingerprint(f)}
		if c.Base != nil {
			result.BaselineState = "new"
			if f.Known {
				result.BaselineState = "unchanged"
			}
		}
		if f.File != "" {
			region := SARIFRegion{StartLine: f.Line, StartColumn: f.Column}
			if f.Length > 0 {
				region.EndColumn = f.Column + f.Length
			}
			uri := url.URL{Path: c.prefix + f.File}
			result.Locations = []SARIFLocation{{SARIFPhysical{SARIFArtifact{uri.String()}, region}}}
		}
		run.Results = append(run.Results, result)
	}
	invocation := SARIFInvocation{ExecutionSuccessful: len(c.Missing) == 0}
	for _, g := range c.Gaps() {
		invocation.ToolExecutionNotifications = append(invocation.ToolExecutionNotifications, SARIFNotification{string(check.LevelWarning), SARIFText{g.Text()}})
	}
	for _, s := range c.Stays() {
		invocation.ToolExecutionNotifications = append(invocation.ToolExecutionNotifications, SARIFNotification{string(check.LevelNote), SARIFText{s.Text()}})
	}
	for _, w := range c.Warnings {
		invocation.ToolExecutionNotifications = append(invocation.ToolExecutionNotifications, SARIFNotification{string(check.LevelWarning), SARIFText{w}})
	}
	run.Invocations = []SARIFInvocation{invocation}
	return SARIF{Schema: "https://json.schemastore.org/sarif-2.1.0.json", Version: "2.1.0", Runs: []SARIFRun{run}}
}

// fingerprint tells findings apart across commits: lines move, so that they do not count.
func fingerprint(f CheckFinding) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\x00%s\x00%s\x00%v", f.Rule, f.File, f.Message, f.Objects))
	return hex.EncodeToString(sum[:16])
}

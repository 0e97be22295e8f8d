package cmd

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	utilnet "k8s.io/apimachinery/pkg/util/net"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/kube"
)

// The exit codes, which are a documented contract.
const (
	exitDone        = 0
	exitFailed      = 1   // something failed; what else was asked for is done
	exitChanges     = 1   // plan --exit-code: there are changes; check --exit-code: something new is wrong
	exitDiffTrouble = 2   // plan and check --exit-code: something failed
	exitPartial     = 3   // nodes: the counts are incomplete
	exitOverBudget  = 4   // budget and check --fail-above: a host gets more than that
	exitInterrupted = 130 // Ctrl-C: what was begun is finished, the rest is as it was
)

// codeError is an error with an exit code of its own.
type codeError struct {
	code int
	err  error
}

// Error implements error.
func (e codeError) Error() string { return e.err.Error() }

// Unwrap gives errors.Is and errors.As the cause.
func (e codeError) Unwrap() error { return e.err }

// ofCluster is an error in one of several clusters.
type ofCluster struct {
	cluster string
	err     error
}

// Error implements error.
func (e ofCluster) Error() string { return flux.InCluster(e.cluster, e.err.Error()) }

// Unwrap gives errors.Is and errors.As the cause.
func (e ofCluster) Unwrap() error { return e.err }

// silentError ends a command with a code and no words: everything has been said.
type silentError struct{ code int }

// Error implements error; nobody is shown it.
func (e silentError) Error() string { return "see above" }

// othersChose says silently that all was taken back but what others, or later sessions, have chosen since.
type othersChose struct{ silentError }

// Unwrap makes it a silentError for whoever asks for no more.
func (e othersChose) Unwrap() error { return e.silentError }

func exitCode(err error, args []string) int {
	var coded codeError
	var silent silentError
	switch {
	case err == nil:
		return exitDone
	case errors.As(err, &silent):
		return silent.code
	case errors.As(err, &coded):
		return coded.code
	case (slices.Contains(args, "plan") || slices.Contains(args, "check")) && asksExitCode(args):
		return exitDiffTrouble // also for flags that could not be read
	case errors.Is(err, context.Canceled):
		return exitInterrupted
	default:
		return exitFailed
	}
}

// asksExitCode tells whether --exit-code is on, also where the flags cannot be read: then what comes last counts,
// and what is no boolean was meant to be one.
func asksExitCode(args []string) bool {
	asked := false
	for _, arg := range args {
		name, value, given := strings.Cut(arg, "=")
		switch {
		case arg == "--":
			return asked
		case name != "--exit-code":
		case !given:
			asked = true
		default:
			on, err := strconv.ParseBool(value)
			asked = on || err != nil
		}
	}
	return asked
}

// explain adds the remedy to errors that come from below without one; what happened in several clusters has a line for each.
func explain(err error) string {
	switch e := err.(type) { // what is further inside is explained there
	case codeError:
		return explain(e.err)
	case ofCluster:
		return flux.InCluster(e.cluster, explain(e.err))
	case interface{ Unwrap() []error }:
		if err.Error() != errors.Join(e.Unwrap()...).Error() {
			break // a sentence about several, and no list
		}
		var lines []string
		for _, one := range e.Unwrap() {
			lines = append(lines, explain(one))
		}
		return strings.Join(lines, "\n")
	}
	text := strings.TrimSpace(err.Error())
	var request *url.Error
	var syntax *json.SyntaxError
	switch {
	case errors.Is(err, context.Canceled):
		return "interrupted: nothing was changed"
	case apierrors.IsUnauthorized(err):
		return text + ": the cluster does not accept your credentials: log in again, or choose another --context"
	case errors.As(err, &request):
		return explainRequest(request)
	case errors.As(err, &syntax):
		return text + ": this is no answer of a Kubernetes API server: is it the right --context?"
	default:
		return text
	}
}

const proxyRemedy = "look at proxy-url in the kubeconfig, HTTPS_PROXY and NO_PROXY"

// explainRequest names the server that a request did not get an answer from, instead of the URL.
func explainRequest(request *url.Error) string {
	server := flux.ShownURL(request.URL)
	if u, err := url.Parse(request.URL); err == nil {
		server = u.Scheme + "://" + u.Host
	}
	var certificate *tls.CertificateVerificationError
	var refusal kube.ProxyRefusal
	var dialed *net.OpError
	switch {
	case errors.As(request, &refusal):
		return fmt.Sprintf("no answer from %s: %s: %s", server, refusal, proxyRemedy)
	case errors.As(request, &dialed) && dialed.Op == "proxyconnect": // net/http's word, transport.go
		return fmt.Sprintf("no answer from %s: its proxy cannot be reached (%s): %s", server, dialed.Err, proxyRemedy)
	case utilnet.IsConnectionRefused(request):
		return fmt.Sprintf("the connection to %s was refused: is the cluster running, and is it the right --context?", server)
	case errors.As(request, &certificate):
		return fmt.Sprintf("%s is not the cluster that your kubeconfig trusts: %s: is it the right --context?", server, request.Err)
	default:
		return fmt.Sprintf("no answer from %s: %s: is the cluster reachable, and is it the right --context?", server, request.Err)
	}
}

// kubeconfigError is an error from reading the kubeconfig, with the remedy.
func kubeconfigError(err error) error {
	switch {
	case clientcmd.IsContextNotFound(err):
		return fmt.Errorf("reading the kubeconfig: %w: kubectl config get-contexts lists the contexts", err)
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("reading the kubeconfig: %w: check --kubeconfig and $KUBECONFIG", err)
	default:
		return fmt.Errorf("reading the kubeconfig: %w", err)
	}
}

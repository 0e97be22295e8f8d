package sim

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/fluxtune/kubectl-fluxtune/pkg/cluster"
	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// Fault is what happens instead of, or around, a request.
type Fault string

// The faults.
const (
	None      Fault = ""
	Lost      Fault = "lost"      // carried out, and the answer does not come
	Refused   Fault = "refused"   // the connection is refused, once
	Killed    Fault = "killed"    // the program ends: nothing of it arrives any more
	Forbidden Fault = "forbidden" // no right to patch
	Meanwhile Fault = "meanwhile" // something else happens just before
	Beside    Fault = "beside"    // somebody else's command runs just before
	// Carried out, and the answer does not come; from then on there is no right to patch.
	LostForbidden Fault = "lost-forbidden"
	Doubled       Fault = "doubled" // carried out, and sent once more by a proxy, which answers with what comes of that

	// Admission makes something else of what is written; the answer comes, or gets lost.
	Changed      Fault = "changed"       // of its values
	Stripped     Fault = "stripped"      // its annotations of ours go
	LostChanged  Fault = "lost-changed"  // and the answer gets lost
	LostStripped Fault = "lost-stripped" // and the answer gets lost
	// Admission makes something else of it, and a proxy sends it once more.
	DoubledChanged  Fault = "doubled-changed"
	DoubledStripped Fault = "doubled-stripped"
	// From that request on, to the end of the command.
	ChangedOn  Fault = "changed-on"
	StrippedOn Fault = "stripped-on"
	DoubledOn  Fault = "doubled-on"
	// Admission makes something else of it, and the program ends while it takes that back, after the first patch or the second. Before
	// these nothing tells the value from somebody's under our name; and without the record nothing tells anything.
	ChangedKilled Fault = "changed-killed"
)

// Store is a store on which something goes wrong at one request; and one that may not be read everywhere.
type Store struct {
	cluster.Store
	// Forbidden namespaces may be neither read nor written.
	Forbidden map[string]bool
	Fault     Fault
	At        int // the number of the request, from 1
	// Meanwhile is what happens, with what the request is about; and Sleep what the command's waiting is: to the
	// simulation the time in which controllers work.
	Meanwhile func(flux.Ref)
	Sleep     func(time.Duration)
	// Eager says that controllers also work right after each patch: then the simulation and the real thing, on which
	// they are waited for, get the same requests.
	Eager bool

	// Dead says that the program was killed, and Written how often each object was.
	Dead    bool
	Written map[flux.Ref]int

	// Now is the time: when the command began, and what it has waited since.
	Now time.Time

	requests int
}

var errKilled = errors.New("killed")

// Clock is the time of a run on this store; it passes while the command sleeps.
func (s *Store) Clock() cluster.Clock {
	return cluster.Clock{
		Workers: 1,
		Now:     func() time.Time { return s.Now },
		Sleep: func(_ context.Context, d time.Duration) error {
			if s.Dead {
				return errKilled
			}
			s.Now = s.Now.Add(d)
			s.Sleep(d)
			return nil
		},
	}
}

// arrive counts a request, and tells what goes wrong with it.
func (s *Store) arrive(ref flux.Ref) (Fault, error) {
	s.requests++
	switch {
	case s.Fault == ChangedKilled && s.requests > s.At+1+s.At%2:
		s.Dead = true
		return None, errKilled
	case s.Dead:
		return None, errKilled
	case s.requests > s.At && slices.Contains([]Fault{ChangedOn, StrippedOn, DoubledOn}, s.Fault):
		return s.Fault, s.mayRead(ref)
	case s.requests > s.At && s.Fault == LostForbidden:
		return Forbidden, s.mayRead(ref)
	case s.requests != s.At:
	case s.Fault == Killed:
		s.Dead = true
		return None, errKilled
	case s.Fault == Refused:
		return None, io.EOF
	case s.Fault == Meanwhile, s.Fault == Beside:
		s.Meanwhile(ref)
	default:
		return s.Fault, s.mayRead(ref)
	}
	return None, s.mayRead(ref)
}

func (s *Store) mayRead(ref flux.Ref) error {
	if s.Forbidden[ref.Namespace] {
		return apierrors.NewForbidden(resource(ref), ref.Name, errors.New("no right"))
	}
	return nil
}

// Get implements cluster.Store.
func (s *Store) Get(ctx context.Context, o flux.Object) (flux.Object, error) {
	if _, err := s.arrive(o.Ref); err != nil {
		return flux.Object{}, err
	}
	return s.Store.Get(ctx, o)
}

// List implements cluster.Store.
func (s *Store) List(ctx context.Context, like flux.Object) ([]flux.Object, error) {
	if _, err := s.arrive(like.Ref); err != nil {
		return nil, err
	}
	return s.Store.List(ctx, like)
}

// Patch implements cluster.Store.
func (s *Store) Patch(ctx context.Context, o flux.Object, patch []byte, manager string) (flux.Object, error) {
	fault, err := s.arrive(o.Ref)
	if err != nil {
		return flux.Object{}, err
	}
	if fault == Forbidden {
		return flux.Object{}, apierrors.NewForbidden(resource(o.Ref), o.Name, errors.New("no right to patch"))
	}
	if fault != None {
		if patch, err = admit(fault, patch); err != nil {
			return flux.Object{}, err
		}
	}
	answer, err := s.Store.Patch(ctx, o, patch, manager)
	if err != nil {
		return flux.Object{}, err
	}
	s.Written[o.Ref]++
	if s.Eager {
		s.Sleep(0)
	}
	switch fault {
	case Lost, LostForbidden, LostChanged, LostStripped:
		return flux.Object{}, io.ErrUnexpectedEOF
	case Doubled, DoubledOn, DoubledChanged, DoubledStripped:
		return s.Store.Patch(ctx, o, patch, manager)
	}
	return answer, nil
}

// Admitted is the duration that admission makes of each.
const Admitted = "90s"

// admit is what admission makes of a merge patch: other values, or one without annotations of ours. What the patch takes
// away goes.
func admit(fault Fault, patch []byte) ([]byte, error) {
	var tree map[string]any
	if err := json.Unmarshal(patch, &tree); err != nil {
		return nil, apierrors.NewBadRequest(err.Error())
	}
	switch fault {
	case Changed, LostChanged, DoubledChanged, ChangedOn, ChangedKilled:
		spec, _ := tree["spec"].(map[string]any)
		for key, value := range spec {
			if _, duration := value.(string); duration {
				spec[key] = Admitted
			}
		}
	case Stripped, LostStripped, DoubledStripped, StrippedOn:
		metadata, _ := tree["metadata"].(map[string]any)
		annotations, _ := metadata["annotations"].(map[string]any)
		maps.DeleteFunc(annotations, func(key string, value any) bool { return value != nil && strings.HasPrefix(key, flux.Group) })
	default:
		return patch, nil
	}
	return json.Marshal(tree)
}

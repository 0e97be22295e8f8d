package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"golang.org/x/sync/errgroup"

	authorizationv1 "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// Right is a verb on a resource, as roles grant it.
type Right struct {
	Group, Resource, Verb string
}

// String writes the right for people: "list gitrepositories.source.toolkit.fluxcd.io".
func (r Right) String() string {
	if r.Group == "" {
		return r.Verb + " " + r.Resource
	}
	return r.Verb + " " + r.Resource + "." + r.Group
}

// reviewsAtOnce is how many questions about rights are asked side by side.
const reviewsAtOnce = 8

// Denied asks the API server (SelfSubjectAccessReview) which of the rights the caller does not have, in
// a namespace or in all of them (""). They come in the order in which they were asked for.
func (c *Client) Denied(ctx context.Context, namespace string, rights []Right) ([]Right, error) {
	allowed := make([]bool, len(rights))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(reviewsAtOnce)
	for i, right := range rights {
		group.Go(func() (err error) {
			allowed[i], err = c.allowed(ctx, namespace, "", right)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, fmt.Errorf("asking for your rights: %w", err)
	}
	var denied []Right
	for i, right := range rights {
		if !allowed[i] {
			denied = append(denied, right)
		}
	}
	return denied, nil
}

// errAllowed ends the questions at the first yes.
var errAllowed = errors.New("allowed")

// MayPatchAny asks the API server (SelfSubjectAccessReview) whether the caller may patch one of the objects at least. Whoever may
// patch a kind everywhere costs one question; whoever may not costs one for each object, since a role can name objects.
func (c *Client) MayPatchAny(ctx context.Context, objects []flux.Object) (bool, error) {
	kinds := make(map[string]bool)
	for _, o := range objects {
		if kinds[o.Kind] {
			continue
		}
		kinds[o.Kind] = true
		if may, err := c.allowed(ctx, "", "", patchOf(o)); may || err != nil {
			return may, err
		}
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(reviewsAtOnce)
	for _, o := range objects {
		group.Go(func() error {
			if ctx.Err() != nil {
				return nil
			}
			may, err := c.allowed(ctx, o.Namespace, o.Name, patchOf(o))
			if may {
				return errAllowed
			}
			return err
		})
	}
	err := group.Wait()
	if errors.Is(err, errAllowed) {
		return true, nil
	}
	return false, err
}

// patchOf is the right to patch an object of a kind that Flux has.
func patchOf(o flux.Object) Right {
	kind, _ := flux.ParseManifestKind(o.Group, o.Kind)
	return Right{Group: o.Group, Resource: kind.Resource, Verb: "patch"}
}

// allowed asks for a right in a namespace ("" for all), to one object or to those of any name ("").
func (c *Client) allowed(ctx context.Context, namespace, name string, right Right) (bool, error) {
	review := authorizationv1.SelfSubjectAccessReview{
		TypeMeta: metav1.TypeMeta{APIVersion: "authorization.k8s.io/v1", Kind: "SelfSubjectAccessReview"},
		Spec: authorizationv1.SelfSubjectAccessReviewSpec{ResourceAttributes: &authorizationv1.ResourceAttributes{
			Group: right.Group, Resource: right.Resource, Verb: right.Verb, Namespace: namespace, Name: name,
		}},
	}
	body, err := json.Marshal(review)
	if err != nil {
		return false, err
	}
	data, err := answer(review.Kind, c.rest.Post().AbsPath("apis", "authorization.k8s.io", "v1", "selfsubjectaccessreviews").Body(body).MaxRetries(0).Do(ctx))
	if err != nil {
		return false, err
	}
	if err := json.Unmarshal(data, &review); err != nil {
		return false, fmt.Errorf("reading the API server's answer: %w", err)
	}
	return review.Status.Allowed, nil
}

// ServedKinds are the kinds of Flux and of the Flux Operator that the cluster serves, each with the API
// version that is used.
func (c *Client) ServedKinds(ctx context.Context) (map[string]string, error) {
	s, err := c.discover(ctx)
	if err != nil {
		return nil, err
	}
	used := make(map[string]string, len(s))
	for kind := range s {
		used[kind] = s.use(kind)
	}
	return used, nil
}

// WhoAmI asks the API server (SelfSubjectReview) who the caller is, several times where it cannot answer now. The error is why
// nobody knows.
func (c *Client) WhoAmI(ctx context.Context) (string, error) {
	review := []byte(`{"apiVersion":"authentication.k8s.io/v1","kind":"SelfSubjectReview"}`)
	data, err := patiently(ctx, c.clock(), func() ([]byte, error) {
		return answer("SelfSubjectReview", c.rest.Post().AbsPath("apis", "authentication.k8s.io", "v1", "selfsubjectreviews").Body(review).MaxRetries(0).Do(ctx))
	})
	if err != nil {
		return "", fmt.Errorf("asking the API server who you are: %w", err)
	}
	var reviewed struct {
		Status struct {
			UserInfo struct {
				Username string `json:"username"`
			} `json:"userInfo"`
		} `json:"status"`
	}
	if err := json.Unmarshal(data, &reviewed); err != nil {
		return "", fmt.Errorf("reading who you are: %w", err)
	}
	return reviewed.Status.UserInfo.Username, nil
}

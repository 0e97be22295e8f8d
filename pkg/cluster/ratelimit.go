package cluster

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/kube"
)

// RateLimit is what a GitHub says of its own REST limit for the owner of a token.
type RateLimit struct {
	API       string // the base URL that was asked, without the secrets in it
	Limit     int    // requests per hour
	Used      int
	Remaining int
	Reset     time.Time
}

// GitHubRateLimit asks GitHub's REST API, at its base URL (https://api.github.com, or
// https://HOST/api/v3 for GitHub Enterprise Server), how much of its limit a token has used. Asking
// costs nothing of it (docs.github.com, "Get rate limit status"). The token is in no error, nor is what
// lets somebody in of the URL.
func GitHubRateLimit(ctx context.Context, client *http.Client, base, token string) (RateLimit, error) {
	base = strings.TrimSuffix(base, "/")
	shown := flux.ShownURL(base)
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"/rate_limit", nil)
	if err != nil {
		return RateLimit{}, fmt.Errorf("asking GitHub for its rate limit: %w", unanswered(base, err))
	}
	request.Header.Set("Accept", "application/vnd.github+json")
	request.Header.Set("Authorization", "Bearer "+token)
	response, err := client.Do(request)
	if err != nil {
		return RateLimit{}, fmt.Errorf("asking GitHub for its rate limit: %w", unanswered(base, err))
	}
	defer func() { _ = response.Body.Close() }()
	switch response.StatusCode {
	case http.StatusOK:
	case http.StatusUnauthorized:
		return RateLimit{}, fmt.Errorf("asking GitHub for its rate limit: %s does not accept the token", shown)
	case http.StatusNotFound:
		return RateLimit{}, fmt.Errorf("asking GitHub for its rate limit: %s has none: rate limits may be off there, or the base URL is wrong (GitHub Enterprise Server: https://HOST/api/v3)", shown)
	default:
		return RateLimit{}, fmt.Errorf("asking GitHub for its rate limit: %s answered %s", shown, response.Status)
	}
	var answer struct {
		Resources struct {
			Core struct {
				Limit     int   `json:"limit"`
				Used      int   `json:"used"`
				Remaining int   `json:"remaining"`
				Reset     int64 `json:"reset"`
			} `json:"core"`
		} `json:"resources"`
	}
	data, err := kube.ReadAtMost(response.Body, 1<<20) // it has a few kB
	if err == nil {
		err = json.Unmarshal(data, &answer)
	}
	if err != nil {
		return RateLimit{}, fmt.Errorf("reading GitHub's rate limit from %s: %v", shown, err)
	}
	core := answer.Resources.Core
	return RateLimit{API: shown, Limit: core.Limit, Used: core.Used, Remaining: core.Remaining, Reset: time.Unix(core.Reset, 0).UTC()}, nil
}

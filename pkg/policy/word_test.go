package policy

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// A word tells an environment where nothing else in the name takes it back.
func TestWord(t *testing.T) {
	t.Parallel()
	first, last, whole := Word{First: true}, Word{Last: true}, Word{First: true, Last: true}
	is := func(environment, text string, at Word) Word {
		at.Environment, at.Text = environment, text
		return at
	}
	doubt := Word{Doubt: true}
	p := preset(t, DefaultName)
	for name, want := range map[string]Word{
		"": {}, "products": {}, "nonprod": {}, "-": {},
		"Production": is("production", "Production", whole), "preprod": is("staging", "preprod", whole),
		"prod-eu-1": is("production", "prod", first), "pay-prod": is("production", "prod", last), "dev-eu-dev": is("development", "dev", last),
		"admin@prod": is("production", "prod", last), "eu.prod_1": is("production", "prod", Word{}), "prod-": is("production", "prod", first),
		"prod-production": is("production", "production", last),
		"non-prod":        doubt, "not-production": doubt, "NON_PROD": doubt, "pay-non-prod": doubt, "no-prod": doubt, "un-prod": doubt,
		"pre-production": doubt, "pre-prod-eu": doubt, "post-prod": doubt, "ex-prod": doubt, "prod-like": doubt,
		"prod-staging": doubt, "staging-of-prod-eu": doubt, "dev-prod-dev": doubt,
	} {
		assert.Equal(t, want, p.Word(name), name)
	}
	p, err := p.WithAlias("pre-prod=staging")
	assert.NoError(t, err)
	assert.Equal(t, is("staging", "pre-prod", whole), p.Word("pre-prod"), "a word of the policy's own")
}

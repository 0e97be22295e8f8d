package crd

// self is an object that a rule is about, with the defaults of its schema.
type self struct {
	schema *schema
	object map[string]any
	open   func(text string) bool
}

// get follows keys; nil where one is absent and has no default.
func (s self) get(keys ...string) any {
	var value any = s.object
	at := s.schema
	for _, key := range keys {
		object, _ := value.(map[string]any)
		var next *schema
		if at != nil {
			next = at.Properties[key]
		}
		if value = object[key]; value == nil && object != nil && next != nil {
			value = next.Default
		}
		at = next
	}
	return value
}

func (s self) has(key string) bool { return s.get(key) != nil }

// is tells whether a text is one of some words; known is false where nobody knows the text.
func (s self) is(keys []string, words ...string) (is, known bool) {
	text, _ := s.get(keys...).(string)
	if s.open(text) {
		return false, false
	}
	for _, word := range words {
		is = is || text == word
	}
	return is, true
}

// may tells whether a text is one of some words, or may be.
func (s self) may(key string, words ...string) bool {
	is, known := s.is([]string{key}, words...)
	return is || !known
}

// mayNot tells whether a text is none of some words, or may be none.
func (s self) mayNot(key string, words ...string) bool {
	is, known := s.is([]string{key}, words...)
	return !is || !known
}

// stsMay and stsMayNot are may and mayNot of the provider of spec.sts.
func (s self) stsMay(word string) bool {
	is, known := s.is([]string{"sts", "provider"}, word)
	return is || !known
}

func (s self) stsMayNot(word string) bool {
	is, known := s.is([]string{"sts", "provider"}, word)
	return !is || !known
}

func (s self) size(key string) int {
	list, _ := s.get(key).([]any)
	return len(list)
}

// rules are the conditions in the CRDs, by their text in CEL: true where one holds, or may hold. A test holds that these are all,
// and another compares them with a real API server.
var rules = map[string]func(self) bool{
	"(has(self.kind) && self.kind == 'OCIRepository') || (has(self.spec.chart) && has(self.spec.sourceRef))": func(s self) bool {
		return s.has("kind") && s.may("kind", "OCIRepository") || s.get("spec", "chart") != nil && s.get("spec", "sourceRef") != nil
	},
	"!has(self.kind) || self.kind != 'OCIRepository' || (has(self.spec.url) && size(self.spec.url) > 0)": func(s self) bool {
		return !s.has("kind") || s.mayNot("kind", "OCIRepository") || s.get("spec", "url") != nil
	},
	"(has(self.chart) && !has(self.chartRef)) || (!has(self.chart) && has(self.chartRef))": func(s self) bool { return s.has("chart") != s.has("chartRef") },
	"!has(self.retryInterval) || self.name != 'RemediateOnFailure'": func(s self) bool {
		return !s.has("retryInterval") || s.mayNot("name", "RemediateOnFailure")
	},
	"!has(self.retryInterval) || self.name == 'RetryOnFailure'": func(s self) bool {
		return !s.has("retryInterval") || s.may("name", "RetryOnFailure")
	},
	"has(self.configMapRef) || has(self.secretRef)":   func(s self) bool { return s.has("configMapRef") || s.has("secretRef") },
	"!has(self.configMapRef) || !has(self.secretRef)": func(s self) bool { return !s.has("configMapRef") || !s.has("secretRef") },
	"!has(self.interval) || (has(self.digestReflectionPolicy) && self.digestReflectionPolicy == 'Always')": func(s self) bool {
		return !s.has("interval") || s.may("digestReflectionPolicy", "Always")
	},
	"has(self.interval) || !has(self.digestReflectionPolicy) || self.digestReflectionPolicy != 'Always'": func(s self) bool {
		return s.has("interval") || s.mayNot("digestReflectionPolicy", "Always")
	},
	"self.type == 'github' || self.type == 'gitlab' || self.type == 'gitea' || self.type == 'bitbucketserver' || self.type == 'bitbucket' || self.type == 'azuredevops' || !has(self.commitStatusExpr)": func(s self) bool {
		return !s.has("commitStatusExpr") || s.may("type", "github", "gitlab", "gitea", "bitbucketserver", "bitbucket", "azuredevops")
	},
	"self.type != 'generic-oidc' || (has(self.oidcProviders) && size(self.oidcProviders) > 0)": func(s self) bool {
		return s.mayNot("type", "generic-oidc") || s.size("oidcProviders") > 0
	},
	"self.type == 'generic-oidc' || !has(self.oidcProviders) || size(self.oidcProviders) == 0": func(s self) bool {
		return s.may("type", "generic-oidc") || s.size("oidcProviders") == 0
	},
	"self.type != 'generic-oidc' || !has(self.secretRef)": func(s self) bool { return s.mayNot("type", "generic-oidc") || !s.has("secretRef") },
	"self.type == 'generic-oidc' || has(self.secretRef)":  func(s self) bool { return s.may("type", "generic-oidc") || s.has("secretRef") },

	"self.provider == 'aws' || self.provider == 'generic' || !has(self.sts)": func(s self) bool { return !s.has("sts") || s.may("provider", "aws", "generic") },
	"self.provider != 'aws' || !has(self.sts) || self.sts.provider == 'aws'": func(s self) bool {
		return !s.has("sts") || s.mayNot("provider", "aws") || s.stsMay("aws")
	},
	"self.provider != 'generic' || !has(self.sts) || self.sts.provider == 'ldap'": func(s self) bool {
		return !s.has("sts") || s.mayNot("provider", "generic") || s.stsMay("ldap")
	},
	"!has(self.sts) || self.sts.provider != 'aws' || !has(self.sts.secretRef)": func(s self) bool {
		return s.get("sts", "secretRef") == nil || s.stsMayNot("aws")
	},
	"!has(self.sts) || self.sts.provider != 'aws' || !has(self.sts.certSecretRef)": func(s self) bool {
		return s.get("sts", "certSecretRef") == nil || s.stsMayNot("aws")
	},
	"self.provider != 'generic' || !has(self.serviceAccountName)": func(s self) bool {
		return !s.has("serviceAccountName") || s.mayNot("provider", "generic")
	},
	"!has(self.secretRef) || !has(self.serviceAccountName)": func(s self) bool { return !s.has("secretRef") || !s.has("serviceAccountName") },
	"!has(self.serviceAccountName) || (has(self.provider) && (self.provider == 'azure' || self.provider == 'aws'))": func(s self) bool {
		return !s.has("serviceAccountName") || s.may("provider", "azure", "aws")
	},
	"!has(self.verify) || self.sourceRef.kind == 'HelmRepository'": func(s self) bool {
		is, known := s.is([]string{"sourceRef", "kind"}, "HelmRepository")
		return !s.has("verify") || is || !known
	},
}

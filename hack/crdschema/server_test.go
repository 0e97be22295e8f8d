package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"

	"github.com/fluxtune/kubectl-fluxtune/hack/testbed"
	"github.com/fluxtune/kubectl-fluxtune/pkg/crd"
)

const (
	helmV2, sourceV1, kustomizeV1 = "helm.toolkit.fluxcd.io/v2 HelmRelease", "source.toolkit.fluxcd.io/v1 ", "kustomize.toolkit.fluxcd.io/v1 Kustomization"
	imageV1, notificationV1       = "image.toolkit.fluxcd.io/v1 ImagePolicy", "notification.toolkit.fluxcd.io/v1 Receiver"
	chart, ref                    = "chart: {spec: {chart: a, sourceRef: {kind: HelmRepository, name: a}}}", "chartRef: {kind: OCIRepository, name: a}"
	kustomized                    = "interval: 5m, prune: true, sourceRef: {kind: GitRepository, name: a}"
	bucket                        = "interval: 5m, bucketName: a, endpoint: b"
	receiver                      = "resources: [{kind: GitRepository, name: a}]"
	sts                           = "endpoint: 'https://a'"
)

// The spec of each is taken, or refused where it is in the second list.
var taken, refused = []string{
	helmV2 + " {interval: 5m, " + chart + "}",
	helmV2 + " {interval: 5m, " + ref + ", values: {a: {b: 1}}, install: {strategy: {name: RetryOnFailure, retryInterval: 5m}}}",
	helmV2 + " {interval: 5m, " + ref + ", upgrade: {strategy: {name: RetryOnFailure, retryInterval: 5m}}}",
	sourceV1 + "GitRepository {interval: 5m, url: 'https://a', timeout: ~}",
	kustomizeV1 + " {" + kustomized + ", kubeConfig: {secretRef: {name: a}}}",
	sourceV1 + "GitRepository {interval: 5m, url: 'https://a', provider: azure, serviceAccountName: a}",
	sourceV1 + "HelmRepository {url: 'oci://a', type: oci}",
	sourceV1 + "HelmChart {interval: 5m, chart: a, sourceRef: {kind: HelmRepository, name: a}, verify: {provider: cosign}}",
	sourceV1 + "Bucket {" + bucket + ", provider: aws, sts: {provider: aws, " + sts + "}}",
	sourceV1 + "Bucket {" + bucket + ", sts: {provider: ldap, " + sts + ", secretRef: {name: a}}}",
	sourceV1 + "Bucket {" + bucket + ", provider: aws, serviceAccountName: a}",
	imageV1 + " {imageRepositoryRef: {name: a}, policy: {semver: {range: 1.x}}, digestReflectionPolicy: Always, interval: 5m}",
	notificationV1 + " {type: github, secretRef: {name: a}, " + receiver + "}",
	notificationV1 + " {type: generic-oidc, oidcProviders: [{issuerURL: 'https://a', audience: b, validations: [{expression: 'true', message: a}]}], " + receiver + "}",
}, []string{
	helmV2 + " {interval: 5m, " + chart + ", " + ref + "}",
	helmV2 + " {interval: 5m}",
	helmV2 + " {interval: 5m, chart: ~, " + ref + "}",
	kustomizeV1 + " {" + kustomized + ", timeout: ~}",
	sourceV1 + "GitRepository ~",
	helmV2 + " {interval: 5m, " + ref + ", install: {strategy: {name: RemediateOnFailure, retryInterval: 5m}}}",
	helmV2 + " {interval: 5m, " + ref + ", upgrade: {strategy: {name: RemediateOnFailure, retryInterval: 5m}}}",
	helmV2 + " {interval: 5m, " + ref + ", valuesFrom: {kind: Secret, name: a}}",
	helmV2 + " {interval: 5m, " + ref + ", install: {timeout: 1d}}",
	kustomizeV1 + " {interval: 5m, sourceRef: {kind: GitRepository, name: a}}",
	kustomizeV1 + " {interval: 5m, prune: ~, sourceRef: {kind: GitRepository, name: a}}",
	kustomizeV1 + " {interval: 5m, prune: true, sourceRef: {kind: GitRepo, name: a}}",
	kustomizeV1 + " {interval: 5m, prune: 'true', sourceRef: {kind: GitRepository, name: a}}",
	kustomizeV1 + " {" + kustomized + ", dependOn: [{name: a}]}",
	kustomizeV1 + " {" + kustomized + ", postBuild: {substitute: {a: 3}}}",
	kustomizeV1 + " {" + kustomized + ", kubeConfig: {}}",
	kustomizeV1 + " {" + kustomized + ", kubeConfig: {secretRef: {name: a}, configMapRef: {name: a}}}",
	sourceV1 + "GitRepository {interval: 5m, url: github.com/a}",
	sourceV1 + "GitRepository {interval: 5m, url: 'https://a', serviceAccountName: a}",
	sourceV1 + "HelmRepository {url: 'oci://a', type: OCI}",
	sourceV1 + "HelmChart {interval: 5m, chart: a, sourceRef: {kind: GitRepository, name: a}, verify: {provider: cosign}}",
	sourceV1 + "Bucket {" + bucket + ", provider: azure, sts: {provider: aws, " + sts + "}}",
	sourceV1 + "Bucket {" + bucket + ", provider: aws, sts: {provider: ldap, " + sts + "}}",
	sourceV1 + "Bucket {" + bucket + ", sts: {provider: aws, " + sts + "}}",
	sourceV1 + "Bucket {" + bucket + ", provider: aws, sts: {provider: aws, " + sts + ", secretRef: {name: a}}}",
	sourceV1 + "Bucket {" + bucket + ", provider: aws, sts: {provider: aws, " + sts + ", certSecretRef: {name: a}}}",
	sourceV1 + "Bucket {" + bucket + ", serviceAccountName: a}",
	sourceV1 + "Bucket {" + bucket + ", provider: aws, serviceAccountName: a, secretRef: {name: a}}",
	imageV1 + " {imageRepositoryRef: {name: a}, policy: {semver: {range: 1.x}}, interval: 5m}",
	imageV1 + " {imageRepositoryRef: {name: a}, policy: {semver: {range: 1.x}}, digestReflectionPolicy: Always}",
	"notification.toolkit.fluxcd.io/v1beta3 Provider {type: slack, commitStatusExpr: a}",
	notificationV1 + " {type: github, " + receiver + "}",
	notificationV1 + " {type: github, secretRef: {name: a}, oidcProviders: [{issuerURL: 'https://a', audience: b, validations: [{expression: 'true', message: a}]}], " + receiver + "}",
	notificationV1 + " {type: generic-oidc, " + receiver + "}",
	notificationV1 + " {type: generic-oidc, secretRef: {name: a}, oidcProviders: [{issuerURL: 'https://a', audience: b, validations: [{expression: 'true', message: a}]}], " + receiver + "}",
}

// What pkg/crd takes and refuses is what an API server does when it is asked as Flux asks it: by a dry run of server-side apply.
func TestFaultsOnTheServer(t *testing.T) {
	cluster := testbed.StartT(t, testbed.Options{})
	for i, list := range [][]string{taken, refused} {
		for _, one := range list {
			part := strings.SplitN(one, " ", 3)
			manifest := "apiVersion: " + part[0] + "\nkind: " + part[1] + "\nmetadata: {name: a, namespace: default}\nspec: " + part[2] + "\n"
			_, err := cluster.RunKubectl(t.Context(), manifest, "apply", "--server-side", "--dry-run=server", "--validate=false", "-f", "-")
			assert.Equal(t, i == 1, err != nil, "%s: %v", one, err)
			data, errJSON := yaml.YAMLToJSON([]byte(manifest))
			require.NoError(t, errJSON)
			faults := crd.Faults(data, func(string) bool { return false })
			assert.Equal(t, i == 1, len(faults) > 0, "%s: %v", one, faults)
		}
	}
}

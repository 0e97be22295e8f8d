package testbed

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"

	"k8s.io/client-go/util/cert"
	"k8s.io/client-go/util/keyutil"
)

// pki is the cluster's certificate authority, for the API server's own
// certificate and for its users'. It lives as long as the cluster, so users
// outlast restarts of the API server.
type pki struct {
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
}

// keyPair is a certificate and its key, PEM-encoded.
type keyPair struct{ cert, key []byte }

func newPKI() (*pki, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("making the certificate authority: %w", err)
	}
	ca, err := cert.NewSelfSignedCACert(cert.Config{CommonName: "fluxtune-testbed", NotBefore: time.Now().Add(-time.Hour)}, key)
	if err != nil {
		return nil, fmt.Errorf("making the certificate authority: %w", err)
	}
	return &pki{key: key, cert: ca}, nil
}

func (p *pki) pem() []byte { return certificatePEM(p.cert.Raw) }

func certificatePEM(der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: cert.CertificateBlockType, Bytes: der})
}

// client issues the certificate of a user: Kubernetes takes the name from the
// common name and the groups from the organizations.
func (p *pki) client(user string, groups []string) (keyPair, error) {
	return p.issue(x509.Certificate{
		Subject: pkix.Name{CommonName: user, Organization: groups}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
}

// issue signs a certificate with a key of its own. client-go's util/cert only
// makes such that sign themselves, which name no users.
func (p *pki) issue(template x509.Certificate) (keyPair, error) {
	failed := func(err error) (keyPair, error) {
		return keyPair{}, fmt.Errorf("issuing the certificate of %q: %w", template.Subject.CommonName, err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return failed(err)
	}
	template.SerialNumber, template.KeyUsage = big.NewInt(time.Now().UnixNano()), x509.KeyUsageDigitalSignature
	template.NotBefore, template.NotAfter = p.cert.NotBefore, p.cert.NotAfter
	der, err := x509.CreateCertificate(rand.Reader, &template, p.cert, key.Public(), p.key)
	if err != nil {
		return failed(err)
	}
	keyPEM, err := keyutil.MarshalPrivateKeyToPEM(key)
	if err != nil {
		return failed(err)
	}
	return keyPair{cert: certificatePEM(der), key: keyPEM}, nil
}

// writeServerFiles puts what the API server reads into dir. The serving key
// signs service account tokens too.
func (p *pki) writeServerFiles(dir string) error {
	pair, err := p.issue(x509.Certificate{
		Subject: pkix.Name{CommonName: "kube-apiserver"}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	})
	if err != nil {
		return err
	}
	for name, data := range map[string][]byte{"ca.crt": p.pem(), "apiserver.crt": pair.cert, "apiserver.key": pair.key} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			return fmt.Errorf("writing the API server's certificates: %w", err)
		}
	}
	return nil
}

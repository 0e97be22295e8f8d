// Command krew renders the Krew manifest from krew-manifest.yaml for archives that were built here, as
// krew-release-bot does for archives that were published: make dist writes plugins/fluxtune.yaml with
// it.
package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path"
	"regexp"
	"strings"
	"text/template"
	"time"
)

func main() {
	if err := run(os.Args[1:], os.Stdout, os.Stderr); err != nil && !errors.Is(err, flag.ErrHelp) {
		_, _ = fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("krew", flag.ContinueOnError)
	flags.SetOutput(stderr)
	manifest := flags.String("template", "krew-manifest.yaml", "the template that krew-release-bot fills in, too")
	checksums := flags.String("checksums", "dist/checksums.txt", "what GoReleaser wrote about the archives")
	base := flags.String("base", "", "download from this address instead of the releases page")
	folder := flags.String("serve", "", "serve this folder's files on 127.0.0.1 instead, print the address, run until killed")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *folder != "" {
		return serve(*folder, stdout)
	}
	text, err := os.ReadFile(*manifest)
	if err != nil {
		return fmt.Errorf("reading the template: %w", err)
	}
	sums, err := os.ReadFile(*checksums)
	if err != nil {
		return fmt.Errorf("reading the checksums (make dist writes them): %w", err)
	}
	rendered, err := render(string(text), string(sums), *base)
	if err != nil {
		return err
	}
	_, err = stdout.Write(rendered)
	return err
}

// serve stands in for the releases page where archives are tried that were not published.
func serve(folder string, stdout io.Writer) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("serving %q: %w", folder, err)
	}
	if _, err := fmt.Fprintf(stdout, "http://%s\n", listener.Addr()); err != nil {
		return err
	}
	server := &http.Server{Handler: http.FileServer(http.Dir(folder)), ReadHeaderTimeout: 10 * time.Second}
	return server.Serve(listener)
}

// archiveTag finds the tag in an archive's name: kubectl-fluxtune_v1.2.3_linux_amd64.tar.gz.
var archiveTag = regexp.MustCompile(`^kubectl-fluxtune_(v[^_]+)_[a-z]+_[a-z0-9]+\.(tar\.gz|zip)$`)

// render fills in the template with the tag that the archives bear and their checksums, which come as
// lines of sha256sum. The template knows what krew-release-bot gives it: .TagName and addURIAndSha
// (github.com/rajatjindal/krew-release-bot, pkg/source/template.go). Where base is not empty, the
// archives are to be had below it.
func render(text, checksums, base string) ([]byte, error) {
	sums := make(map[string]string)
	var tag string
	for line := range strings.Lines(checksums) {
		sum, file, ok := strings.Cut(strings.TrimSpace(line), "  ")
		match := archiveTag.FindStringSubmatch(file)
		if !ok || match == nil {
			continue
		}
		if tag != "" && tag != match[1] {
			return nil, fmt.Errorf("the checksums are of two versions, %s and %s: run make clean first", tag, match[1])
		}
		tag, sums[file] = match[1], sum
	}
	if tag == "" {
		return nil, errors.New("the checksums name no archive of kubectl-fluxtune")
	}
	values := struct{ TagName string }{tag}
	functions := template.FuncMap{"addURIAndSha": func(url, tag string) (string, error) {
		var uri bytes.Buffer
		inner, err := template.New("url").Option("missingkey=error").Parse(url)
		if err != nil {
			return "", err
		}
		if err := inner.Execute(&uri, values); err != nil {
			return "", err
		}
		file := path.Base(uri.String())
		sum, ok := sums[file]
		if !ok {
			return "", fmt.Errorf("no checksum of %s", file)
		}
		address := uri.String()
		if base != "" {
			address = strings.TrimSuffix(base, "/") + "/" + file
		}
		return fmt.Sprintf("uri: %s\n    sha256: %s", address, sum), nil
	}}
	outer, err := template.New("manifest").Funcs(functions).Parse(text)
	if err != nil {
		return nil, fmt.Errorf("reading the template: %w", err)
	}
	var out bytes.Buffer
	if err := outer.Execute(&out, values); err != nil {
		return nil, fmt.Errorf("filling in the template: %w", err)
	}
	// The comments at its top speak of the template.
	_, rendered, _ := strings.Cut(out.String(), "apiVersion:")
	return []byte("# Rendered from krew-manifest.yaml by make dist; each release renders it anew.\napiVersion:" + rendered), nil
}

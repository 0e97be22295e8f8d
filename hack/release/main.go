// Command release writes what a release needs besides its archives: the manifest for Krew (release krew), the manifest
// and the catalogue for Flux's CLI (release flux), and what its tag is, which decides what may be published of it
// (release tag). hack/dist.sh, hack/install-test.sh and the scripts beside this file run it.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"
)

func main() {
	if err := run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr); err != nil && !errors.Is(err, flag.ErrHelp) {
		_, _ = fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

const usage = `release krew  [--dist DIR] [--base URL]   the Krew manifest, filled in from krew-manifest.yaml, to stdout
release flux  [--dist DIR] [--base URL]   tune.yaml and catalog.yaml for Flux's CLI, into DIR
release tag   TAG <TAGS                   what TAG is among all tags, one a line, as name=value lines
release serve DIR                         DIR's files on 127.0.0.1, until killed; prints the address
`

func run(args []string, stdin io.Reader, stdout, stderr io.Writer) error {
	if len(args) == 0 {
		args = []string{"--help"}
	}
	flags := flag.NewFlagSet("release", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() { _, _ = fmt.Fprint(stderr, usage) }
	dist := flags.String("dist", "dist", "the folder with GoReleaser's archives and checksums.txt")
	template := flags.String("template", "krew-manifest.yaml", "the template that krew-release-bot fills in, too")
	base := flags.String("base", "", "download from this address instead of the releases page")
	if err := flags.Parse(args[1:]); err != nil {
		return err
	}
	switch {
	case args[0] == "krew" && flags.NArg() == 0:
		return writeKrew(*dist, *template, *base, stdout)
	case args[0] == "flux" && flags.NArg() == 0:
		return writeFlux(*dist, *base)
	case args[0] == "tag" && flags.NArg() == 1:
		return writeTag(flags.Arg(0), stdin, stdout, stderr)
	case args[0] == "serve" && flags.NArg() == 1:
		return serve(flags.Arg(0), stdout)
	}
	flags.Usage()
	return flag.ErrHelp
}

func writeKrew(dist, templateFile, base string, stdout io.Writer) error {
	text, err := os.ReadFile(templateFile)
	if err != nil {
		return fmt.Errorf("reading the template: %w", err)
	}
	all, err := readArchives(dist)
	if err != nil {
		return err
	}
	rendered, err := krewManifest(string(text), all, base)
	if err != nil {
		return err
	}
	_, err = stdout.Write(rendered)
	return err
}

// writeFlux writes both files that Flux's CLI reads of a catalogue: DIR is one, once it is served.
func writeFlux(dist, base string) error {
	all, err := readArchives(dist)
	if err != nil {
		return err
	}
	manifest, err := fluxManifest(all, base)
	if err != nil {
		return err
	}
	for name, data := range map[string][]byte{"tune.yaml": manifest, "catalog.yaml": fluxCatalog()} {
		if err := os.WriteFile(filepath.Join(dist, name), data, 0o644); err != nil {
			return fmt.Errorf("writing for Flux's catalogue: %w", err)
		}
	}
	return nil
}

func writeTag(tag string, stdin io.Reader, stdout, stderr io.Writer) error {
	tags, err := io.ReadAll(stdin)
	if err != nil {
		return fmt.Errorf("reading the tags: %w", err)
	}
	what, err := judge(tag, strings.Fields(string(tags)))
	if err != nil {
		return err
	}
	_, _ = fmt.Fprintln(stderr, what.reason)
	_, err = fmt.Fprintf(stdout, "newest=%t\nprerelease=%t\n", what.newest, what.prerelease)
	return err
}

func readArchives(dist string) ([]archive, error) {
	sums, err := os.ReadFile(filepath.Join(dist, "checksums.txt"))
	if err != nil {
		return nil, fmt.Errorf("reading the checksums (make dist writes them): %w", err)
	}
	return archives(string(sums))
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

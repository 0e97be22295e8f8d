// Command bare lists pods as nodes can, at once or namespace by namespace, decodes the tables with
// encoding/json and adds up: nothing else. nodes is measured against the better of the two.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"sync"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

func main() {
	kubeconfig := flag.String("kubeconfig", "", "kubeconfig of the cluster")
	parallel := flag.Int("parallel", 48, "requests at a time")
	atOnce := flag.Bool("at-once", false, "one request for all pods")
	flag.Parse()
	if err := run(context.Background(), *kubeconfig, *parallel, *atOnce); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

type table struct {
	ColumnDefinitions []struct{ Name string }
	Rows              []struct{ Cells []any }
}

func run(ctx context.Context, kubeconfig string, parallel int, atOnce bool) error {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return err
	}
	client, err := rest.HTTPClientFor(config)
	if err != nil {
		return err
	}
	c := counts{nodes: map[string]int{}}
	if atOnce {
		t, err := get(ctx, client, config.Host+"/api/v1/pods", unfinished())
		c.add(t, err)
		fmt.Println(c.pods, "pods on", len(c.nodes), "nodes")
		return c.err
	}
	namespaces, err := get(ctx, client, config.Host+"/api/v1/namespaces", url.Values{})
	if err != nil {
		return err
	}
	work := make(chan string)
	var all sync.WaitGroup
	for range parallel {
		all.Go(func() {
			for namespace := range work {
				t, err := get(ctx, client, config.Host+"/api/v1/namespaces/"+namespace+"/pods", unfinished())
				c.add(t, err)
			}
		})
	}
	for _, row := range namespaces.Rows {
		work <- row.Cells[0].(string)
	}
	close(work)
	all.Wait()
	fmt.Println(c.pods, "pods on", len(c.nodes), "nodes")
	return c.err
}

func unfinished() url.Values {
	return url.Values{"fieldSelector": {"status.phase!=Succeeded,status.phase!=Failed"}}
}

func get(ctx context.Context, client *http.Client, address string, query url.Values) (table, error) {
	query.Set("includeObject", "None")
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address+"?"+query.Encode(), nil)
	if err != nil {
		return table{}, err
	}
	request.Header.Set("Accept", "application/json;as=Table;v=v1;g=meta.k8s.io")
	response, err := client.Do(request)
	if err != nil {
		return table{}, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return table{}, fmt.Errorf("%s: %s", address, response.Status)
	}
	var t table
	return t, json.NewDecoder(response.Body).Decode(&t)
}

type counts struct {
	mu    sync.Mutex
	nodes map[string]int
	pods  int
	err   error
}

func (c *counts) add(t table, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil {
		c.err = err
		return
	}
	node := 0
	for i, column := range t.ColumnDefinitions {
		if column.Name == "Node" {
			node = i
		}
	}
	for _, row := range t.Rows {
		c.nodes[row.Cells[node].(string)]++
		c.pods++
	}
}

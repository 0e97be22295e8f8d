package budget

import "maps"

// Together is the budget of several clusters: what hosts, repositories and credentials get from all of them. The
// controllers of each stay its own. The limits and the order of the environments are as in Input.
func Together(clusters []Budget, limits Limits, environments []string) Budget {
	var items []Item
	for _, b := range clusters {
		items = append(items, b.Items...)
	}
	others, bursts := map[Asker]Rates{}, map[string]Bursts{}
	for _, b := range clusters {
		for host, of := range b.bursts {
			bursts[host] = bursts[host].and(of)
		}
		for by, requests := range b.others {
			others[by] = sum(others[by], requests)
		}
	}
	all := sumUp(items, others, bursts, limits, environments)
	for _, b := range clusters {
		all.Partial, all.Beyond = all.Partial || b.Partial, all.Beyond || b.Beyond
		all.APIServer = all.APIServer.and(b.APIServer)
		all.Workers = append(all.Workers, b.Workers...)
		all.JitterPercent = max(all.JitterPercent, b.JitterPercent)
	}
	all.Defaults = missing(all.Workers)
	return all
}

// Beside is the same budget where hosts get what others ask, too: of clusters that were read and not asked for. They stay as they
// are.
func (b Budget) Beside(others ...Budget) Budget {
	if len(others) == 0 {
		return b
	}
	asked := map[Asker]Rates{}
	maps.Copy(asked, b.others)
	for _, other := range others {
		for by, requests := range other.others {
			asked[by] = sum(asked[by], Rates{requests.Now, requests.Now})
		}
		for i := range other.Items {
			if item := &other.Items[i]; item.Requests.Now > 0 {
				asked[item.Asker()] = sum(asked[item.Asker()], Rates{item.Requests.Now, item.Requests.Now})
			}
		}
	}
	b.others, b.Hosts = asked, hosts(b.Items, asked, b.bursts, b.limits)
	return b
}

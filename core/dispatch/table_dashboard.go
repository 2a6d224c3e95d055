package dispatch

import (
	"context"

	"github.com/exatlas/atlas/core/spec"
)

// Dashboard serves the page of package dashboard: the root package implements it.
type Dashboard interface {
	Serve(context.Context, *DashboardParams) (*DashboardServed, error)
	Close(context.Context, *None) (*DashboardClosed, error)
}

// DashboardParams say where the page is served.
type DashboardParams struct {
	Listen  string `json:"listen" default:"127.0.0.1:0" doc:"Address to listen at; port 0 takes a free one."`
	Public  bool   `json:"public" doc:"Allows an address that other machines reach. The page speaks plain HTTP: put a proxy that speaks TLS before it."`
	Actions bool   `json:"actions" doc:"Answers operator_url too, for those who may touch and end sessions and stop and start their machines."`
}

// DashboardServed tells where the page is.
type DashboardServed struct {
	Listen      string `json:"listen" doc:"Address it listens at."`
	URL         string `json:"url" doc:"Address to open in a browser. What stands behind # is the credential: whoever has the address sees all sessions of the store."`
	OperatorURL string `json:"operator_url,omitempty" doc:"Address for those who may act, too; with actions alone."`
}

// DashboardClosed is the result of dashboard.close.
type DashboardClosed struct {
	Closed bool `json:"closed" doc:"Whether a page was served until now."`
}

func addDashboard(t *Table, s *Services) {
	add(t, "dashboard.serve", Doc{
		Summary: "Serves a web page of all sessions of the store, live.",
		Text: "Sessions, whom they are for, what they cost and when they end, the events of each, and with actions buttons that touch and end them and stop and start their machines. " +
			"Each call makes new addresses; there is one page a client, and it goes with the client. A program with a web server of its own in Go mounts Client.Dashboard.Handler instead.",
		Errors: []spec.Kind{spec.KindConflict},
		Params: `{"listen":"127.0.0.1:8790","actions":true}`,
		Result: `{"listen":"127.0.0.1:8790","url":"http://127.0.0.1:8790/#Qw3…","operator_url":"http://127.0.0.1:8790/#9xT…"}`,
	}, func(ctx context.Context, p *DashboardParams) (*DashboardServed, error) {
		return s.Dashboard.Serve(ctx, p)
	})
	add(t, "dashboard.close", Doc{
		Summary: "Ends the page that dashboard.serve serves.",
		Params:  `{}`,
		Result:  `{"closed":true}`,
	}, func(ctx context.Context, p *None) (*DashboardClosed, error) { return s.Dashboard.Close(ctx, p) })
}

package dispatch

import (
	"context"

	"github.com/exatlas/atlas/core/auth"
)

func addAuth(t *Table, s *Services) {
	add(t, "auth.token.mint", Doc{
		Summary: "Mints a bearer token for a machine.",
		Text:    "The token is shown once; store the hash. Give the machine the env. compute.spawn does all of it with auth bearer.",
		Params:  `{}`,
		Result:  `{"token":"kX9fP…","hash":"4c1…","header":"Authorization: Bearer kX9fP…","env":{"ATLAS_PRESHARED_KEY":"kX9fP…"}}`,
	}, func(ctx context.Context, _ *None) (*auth.Token, error) {
		token, err := auth.MintToken(s.Random)
		if err != nil {
			return nil, err
		}
		return token, nil
	})
}

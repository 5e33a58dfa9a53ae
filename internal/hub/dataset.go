package hub

import (
	"context"
	"fmt"
	"strings"

	"lladav"
)

// Datasets lie beside the models, as datasets--OWNER--NAME. A dataset has no files that every reader needs, so whoever
// asks for one says which files are wanted, and checks that they are all there.

// Dataset returns the snapshot of the dataset owner/name[@revision] in the cache, and its commit; both are empty if the
// cache has nothing of it. It makes no network call. Not every file of the dataset need be there.
func (h *Hub) Dataset(name string) (dir, commit string, err error) {
	ref, err := parseDataset(name)
	if err != nil {
		return "", "", err
	}
	r := h.repoOf(ref)
	if commit, err = r.commit(ref.Revision); err != nil || commit == "" {
		return "", "", err
	}
	return r.snapshot(commit), commit, nil
}

// PullDataset fetches the files of the dataset owner/name[@revision] that want accepts, or with o.All every one, as Pull
// does those of a model. Offline it refuses.
func (h *Hub) PullDataset(ctx context.Context, name string, want func(file string) bool, o PullOptions) (dir, commit string, err error) {
	ref, err := parseDataset(name)
	if err != nil {
		return "", "", err
	}
	if h.c.Offline {
		return "", "", &lladav.Error{Kind: lladav.Offline, Err: fmt.Errorf("pull %s: the network is switched off", ref),
			Hint: "without --offline and HF_HUB_OFFLINE"}
	}
	m, err := h.pull(ctx, &pull{h: h, ref: ref, repo: h.repoOf(ref), want: want, PullOptions: o})
	return m.Dir, m.Commit, err
}

// parseDataset reads the name of a dataset. The error has kind BadUsage.
func parseDataset(name string) (Ref, error) {
	ref, err := ParseRef(name)
	if err != nil || !strings.Contains(name, "/") { // an alias stands for a model
		return Ref{}, lladav.Errorf(lladav.BadUsage, "%q is no dataset: give owner/name[@revision]", name)
	}
	ref.Dataset = true
	return ref, nil
}

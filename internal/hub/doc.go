// Package hub finds models on this machine and fetches them from a model hub.
//
// Models lie in the cache that the hub's own Python tools use, in their layout, so that a model fetched by either is
// found by the other:
//
//	CACHE/models--OWNER--NAME/refs/main                  the commit a branch or tag stood at when it was last fetched
//	CACHE/models--OWNER--NAME/blobs/ETAG                 content; ETAG.incomplete while it is being fetched
//	CACHE/models--OWNER--NAME/snapshots/COMMIT/FILE      relative link to a blob (the content itself where links fail)
//	CACHE/models--OWNER--NAME/.pull/COMMIT.json          ours: the files that a pull set out to fetch
//	CACHE/.locks/models--OWNER--NAME/ETAG.lock           held while a blob is written; pull.lock during a whole pull
//
// A blob gets its final name only once its size and its hash are right, so a file that is there is whole, and a model is
// complete when no file of its list is missing. Every step can be interrupted at any moment, by a signal or by a power
// cut, and be taken up again.
//
// The package does not know what the files mean, with one exception: without a list it reads a shard index for the names
// of the shards. It reads no environment variable of its own accord (net/http reads those for proxies).
//
// Read [Hub] first, then [Model].
package hub

// SPDX-License-Identifier: Apache-2.0
#include "filter_object.h"

#include <sluice/xdp.h>

#include <bpf/libbpf.h>

#include <errno.h>
#include <stdio.h>

static bool map_is_ours(const struct bpf_object *object, const struct sluice_xdp_map *wanted)
{
	const struct bpf_map *map = bpf_object__find_map_by_name(object, wanted->name);
	return map && bpf_map__type(map) == wanted->type &&
	       bpf_map__key_size(map) == wanted->key_size &&
	       bpf_map__value_size(map) == wanted->value_size &&
	       bpf_map__max_entries(map) == wanted->max_entries;
}

// Name of what is missing or of another shape; NULL = nothing.
static const char *difference(const struct bpf_object *object)
{
	if (!bpf_object__find_program_by_name(object, SLUICE_XDP_PROGRAM))
		return SLUICE_XDP_PROGRAM;
	if (!bpf_object__find_map_by_name(object, SLUICE_XDP_MAP_SOCKETS))
		return SLUICE_XDP_MAP_SOCKETS;
	for (unsigned i = 0; i < SLUICE_XDP_MAPS; i++)
		if (!map_is_ours(object, sluice_xdp_map(i)))
			return sluice_xdp_map(i)->name;
	return NULL;
}

int filter_object_check(const char *path, char *why, size_t why_size)
{
	libbpf_print_fn_t before = libbpf_set_print(NULL); // it would write to standard error
	struct bpf_object *object = bpf_object__open_file(path, NULL);
	int error = errno;
	libbpf_set_print(before);
	if (!object) {
		snprintf(why, why_size, "%s: %s", path,
			error == ENOENT ? "no such file" : "no BPF object that can be read");
		return -1;
	}
	const char *wrong = difference(object);
	if (wrong)
		snprintf(why, why_size,
			"%s is of another version: it has no %s, or one of another shape", path,
			wrong);
	bpf_object__close(object);
	return wrong ? -1 : 0;
}

// SPDX-License-Identifier: Apache-2.0
// Which room the path of a request of dialect 003 leads to.
#pragma once

#include "core/core.h"

// The originals know one namespace of peers for each server and take any path. Here the path without
// query, slashes around it, and a leading "ws" or "ws/jsonrpc" is the room; when nothing is left, it is
// "default". A path too long for a name is cut.
void jsonrpc_room(const char *path, char room[CORE_NAME_MAX]);

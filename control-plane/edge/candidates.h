// SPDX-License-Identifier: Apache-2.0
// Our host candidates (RFC 8445, 5.1): what every description says about where we are.
#pragma once

#include "core/desc.h"

#include <sluice/config.h>

// Fills `candidates` from media.addresses (announced, if given), else from the addresses of the ports'
// interfaces, each in its network namespace, IPv6 link-local ones left out. Returns how many, at most
// DESC_CANDIDATES_MAX.
unsigned candidates_gather(
	const struct config *config, struct desc_candidate candidates[DESC_CANDIDATES_MAX]);

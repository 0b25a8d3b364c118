// SPDX-License-Identifier: Apache-2.0

#include "accounting/slurm/request.hpp"

#include "accounting/slurm/codec.hpp"
#include "accounting/slurm/json_reading.hpp"

namespace sluice::slurm {
namespace {

using nlohmann::json;

struct Writer {
  json& object;

  void operator()(const FinishedRequest& body) const {
    object.update({{"op", "finished"}, {"clusters", body.clusters}, {"from", body.from}, {"to", body.to}});
  }
  void operator()(const ByIdRequest& body) const {
    object.update({{"op", "by_id"}, {"cluster", body.cluster}, {"job_ids", body.job_ids}});
  }
  void operator()(const LiveRequest& body) const {
    object.update({{"op", "live"}, {"clusters", body.clusters}, {"timeout_ms", body.timeout_ms}});
  }
  void operator()(const InventoryRequest& body) const {
    object.update({{"op", "inventory"}, {"cluster", body.cluster}});
  }
  void operator()(const DiagnosisRequest& body) const {
    object.update({{"op", "diagnosis"}, {"cluster", body.cluster}});
  }
  void operator()(const TagRequest& body) const {
    object.update({{"op", "tag"},
                   {"cluster", body.cluster},
                   {"job_id", body.job_id},
                   {"state_number", body.state_number},
                   {"submit", body.submit},
                   {"end", body.end}});
    put_bytes(object, "text", body.text);
  }
};

}  // namespace

json to_json(const Request& request) {
  json object = {{"id", request.id}};
  std::visit(Writer{object}, request.body);
  return object;
}

Result<Request> request_from_json(const json& object) {
  Request request;
  std::string op;
  JsonReading reading(object, "a request");
  reading.need("id", request.id).need("op", op);
  if (op == "finished") {
    FinishedRequest body;
    reading.need("clusters", body.clusters).need("from", body.from).need("to", body.to);
    request.body = std::move(body);
  } else if (op == "by_id") {
    ByIdRequest body;
    reading.need("cluster", body.cluster).need("job_ids", body.job_ids);
    request.body = std::move(body);
  } else if (op == "live") {
    LiveRequest body;
    reading.need("clusters", body.clusters).may("timeout_ms", body.timeout_ms);
    request.body = std::move(body);
  } else if (op == "inventory") {
    InventoryRequest body;
    reading.need("cluster", body.cluster);
    request.body = std::move(body);
  } else if (op == "diagnosis") {
    DiagnosisRequest body;
    reading.need("cluster", body.cluster);
    request.body = std::move(body);
  } else if (op == "tag") {
    TagRequest body;
    reading.need("cluster", body.cluster)
        .need("job_id", body.job_id)
        .need("state_number", body.state_number)
        .need("submit", body.submit)
        .need("end", body.end);
    if (auto text = get_bytes(object, "text")) {
      body.text = std::move(*text);
    } else {
      reading.fail("it lacks \"text\"");
    }
    request.body = std::move(body);
  } else {
    reading.fail("op \"" + op + "\" is none of finished, by_id, live, inventory, diagnosis, tag");
  }
  if (!reading.ok()) return reading.failure();
  return request;
}

}  // namespace sluice::slurm

// Submit one order and follow it: node trade.mjs URL ACCOUNT INSTRUMENT buy|sell QUANTITY LIMIT BID ASK
// All figures are mantissas in the instrument's own units (here cents and lots of 0.0001). Prints one JSON line a step,
// and ends when the order has. TICKLOOM_TOKEN, when set, is sent as the bearer token.
import { randomUUID } from "node:crypto";
import { createClient } from "@connectrpc/connect";
import { Http2SessionManager, createGrpcTransport } from "@connectrpc/connect-node";
import { OrdersService } from "./gen/tickloom/orders/v1/service_pb.js";
import { OrderStatus } from "./gen/tickloom/orders/v1/order_pb.js";
import { Side } from "./gen/tickloom/risk/v1/service_pb.js";

const [url, account, instrumentId, side, quantity, limit, bid, ask] = process.argv.slice(2);
const token = process.env.TICKLOOM_TOKEN;
const bearer = (next) => (request) => {
  if (token) request.header.set("authorization", `Bearer ${token}`);
  return next(request);
};
const sessionManager = new Http2SessionManager(url);
const transport = createGrpcTransport({ baseUrl: url, interceptors: [bearer], sessionManager });
const orders = createClient(OrdersService, transport);

const now = BigInt(Date.now()) * 1_000_000n;
const clientOrderId = randomUUID();
const answer = await orders.submit({
  clientOrderId,
  asOfNs: now,
  order: {
    account,
    instrumentId,
    side: side === "buy" ? Side.BUY : Side.SELL,
    quantity: BigInt(quantity),
    limitPrice: BigInt(limit),
    priceExponent: -2,
    sizeExponent: -4,
  },
  quote: { bidPrice: BigInt(bid), bidSize: 50_000n, askPrice: BigInt(ask), askSize: 50_000n, tsEvent: now },
});
const say = (what) => console.log(JSON.stringify(what));
say({ answer: OrderStatus[answer.update.status], clientOrderId });

const ended = new Set([OrderStatus.FILLED, OrderStatus.CANCELED, OrderStatus.REJECTED, OrderStatus.EXPIRED]);
for await (const { sequence, step } of orders.watchOrders({ account, fromSequence: 0n })) {
  if (step.value.clientOrderId !== clientOrderId) continue;
  if (step.case === "fill") {
    say({ sequence: String(sequence), fill: step.value.quantity, price: step.value.price });
  } else {
    say({ sequence: String(sequence), update: OrderStatus[step.value.status], reasons: step.value.reasons });
    if (ended.has(step.value.status)) break;
  }
}
sessionManager.abort();

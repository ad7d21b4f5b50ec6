/* A service that is fast only once it is warm: Warm.java [PORT]. It reads what it serves into memory, and has then answered
 * often enough for the compiler to have seen it. GET /N answers with the sum of the digests of N words, and in "Served" says how
 * many it has answered. -Dwords=N and -Drehearsals=N make it another size. */
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.HashMap;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicLong;

public class Warm {
	static final int WORDS = Integer.getInteger("words", 1_000_000), REHEARSALS = Integer.getInteger("rehearsals", 20_000);
	static final Map<String, Integer> index = new HashMap<>();
	static final TreeMap<Integer, String> order = new TreeMap<>();
	static final AtomicLong served = new AtomicLong();

	static void read() throws Exception {
		MessageDigest digest = MessageDigest.getInstance("SHA-256");
		for (int i = 0; i < WORDS; i++) {
			String word = "word-" + i;
			byte[] b = digest.digest(word.getBytes(StandardCharsets.UTF_8));
			int number = (b[0] & 0xff) << 16 | (b[1] & 0xff) << 8 | b[2] & 0xff;
			index.put(word, number);
			order.put(i, word);
		}
	}

	static long answer(int n) {
		long sum = 0;
		for (String word : order.headMap(n).values())
			sum += index.get(word);
		return sum;
	}

	static void serve(HttpExchange x) throws java.io.IOException {
		int n = Integer.parseInt(x.getRequestURI().getPath().substring(1));
		byte[] text = (answer(n) + "\n").getBytes(StandardCharsets.UTF_8);
		x.getResponseHeaders().set("Served", Long.toString(served.incrementAndGet()));
		x.sendResponseHeaders(200, text.length);
		x.getResponseBody().write(text);
		x.close();
	}

	public static void main(String[] args) throws Exception {
		read();
		long sum = 0;
		for (int i = 0; i < REHEARSALS; i++)
			sum += answer(1000 + i % 100);
		HttpServer server = HttpServer.create(new InetSocketAddress(args.length > 0 ? Integer.parseInt(args[0]) : 7000), 64);
		server.createContext("/", Warm::serve);
		server.start();
		System.out.println("warm " + sum);
	}
}

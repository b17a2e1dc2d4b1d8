import de.bwaldvogel.mongo.MongoServer;
import de.bwaldvogel.mongo.MongoVersion;
import de.bwaldvogel.mongo.backend.memory.MemoryBackend;
import java.util.List;

/** A MongoDB in memory, on the port of this machine that is named. */
public final class Standin {
    public static void main(String[] arguments) {
        MemoryBackend backend = new MemoryBackend();
        // The oldest version that current drivers talk to; by itself it says one that they refuse.
        backend.version(new MongoVersion() {
            @Override
            public List<Integer> getVersionArray() {
                return List.of(5, 0, 0);
            }

            @Override
            public int getWireVersion() {
                return 13;
            }
        });
        new MongoServer(backend).bind("127.0.0.1", Integer.parseInt(arguments[0]));
        System.out.println("listening");
    }
}

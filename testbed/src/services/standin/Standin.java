import de.bwaldvogel.mongo.MongoBackend;
import de.bwaldvogel.mongo.MongoDatabase;
import de.bwaldvogel.mongo.MongoServer;
import de.bwaldvogel.mongo.MongoVersion;
import de.bwaldvogel.mongo.backend.CollectionOptions;
import de.bwaldvogel.mongo.backend.CursorRegistry;
import de.bwaldvogel.mongo.backend.QueryParameters;
import de.bwaldvogel.mongo.backend.QueryResult;
import de.bwaldvogel.mongo.backend.memory.MemoryBackend;
import de.bwaldvogel.mongo.backend.memory.MemoryCollection;
import de.bwaldvogel.mongo.backend.memory.MemoryDatabase;
import de.bwaldvogel.mongo.bson.Document;
import java.util.List;
import java.util.stream.Collectors;

/** A MongoDB in memory, on the port of this machine that is named. */
public final class Standin {
    public static void main(String[] arguments) {
        MongoBackend backend = new Backend().version(new Version());
        new MongoServer(backend).bind("127.0.0.1", Integer.parseInt(arguments[0]));
        System.out.println("listening");
    }

    /** The oldest version that current drivers talk to; by itself it says one that they refuse. */
    private static final class Version implements MongoVersion {
        @Override
        public List<Integer> getVersionArray() {
            return List.of(5, 0, 0);
        }

        @Override
        public int getWireVersion() {
            return 13;
        }
    }

    private static final class Backend extends MemoryBackend {
        @Override
        public MemoryDatabase openOrCreateDatabase(String name) {
            return new Database(name, getCursorRegistry());
        }
    }

    private static final class Database extends MemoryDatabase {
        Database(String name, CursorRegistry cursors) {
            super(name, cursors);
        }

        @Override
        protected MemoryCollection openOrCreateCollection(String name, CollectionOptions options) {
            return new Collection(this, name, options, cursorRegistry);
        }
    }

    /**
     * A collection that answers with copies, made under its lock. Otherwise documents are encoded after that, while
     * updates change them field by field in place, and who reads gets one that is partly old: a MongoDB never does that.
     */
    private static final class Collection extends MemoryCollection {
        /** Whether somebody reads, and is not about to change what he finds. Guarded by the lock of the collection. */
        private boolean isReading;

        Collection(MongoDatabase database, String name, CollectionOptions options, CursorRegistry cursors) {
            super(database, name, options, cursors);
        }

        @Override
        public synchronized QueryResult handleQuery(QueryParameters parameters) {
            isReading = true;
            try {
                return super.handleQuery(parameters);
            } finally {
                isReading = false;
            }
        }

        @Override
        protected QueryResult createQueryResult(List<Document> documents, int batchSize) {
            if (!isReading) {
                return super.createQueryResult(documents, batchSize);
            }
            List<Document> copies = documents.stream().map(Document::cloneDeeply).collect(Collectors.toList());
            return super.createQueryResult(copies, batchSize);
        }
    }
}
